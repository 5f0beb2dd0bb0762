"""The alerts service is killed while it works out whom an alert is for, and is told everything five times."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg.rows import dict_row
from uuid6 import uuid7

import shared.domain
from shared.domain import topology
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox.dead_letters import DeadLetters
from shared.platform.outbox.event import headers_of
from tests.support.directories import temporary_directory
from tests.support.postgresql import fresh_database
from tests.support.processes import ServiceProcess
from tests.support.rabbitmq import users_of
from tests.support.randomness import chance
from tests.support.waiting import eventually

PEOPLE = 200_000
MOVING = 40_000
SECONDS = 120.0
RULE = """
    INSERT INTO alerts.alert_rules (name, source_event, status_entered, priority, title_template,
        message_template, target_type, cancelled_by_statuses)
    VALUES ('Confirmed', 'report_status_changed', 'confirmed', 'high', '{title}', '{title}', 'region', '{resolved}')
"""


class Alerts:
    """The alerts service as one real process, with a region, and nobody else running."""

    def __init__(self, server, broker):
        self.database = fresh_database(server)
        self.virtual_host = broker.fresh_virtual_host()
        self.uri = self.virtual_host.uri
        declare_everything(self.uri, quorum=False)
        self.region = uuid7()
        self.run("INSERT INTO identity.regions (id, name, code) VALUES (%s, 'North', 'N')", self.region)
        self.run(
            "INSERT INTO alerts.audience_regions (region_id, version, code, name) VALUES (%s, 1, 'N', 'North')",
            self.region,
        )
        self.process = ServiceProcess(
            ["serve", "alerts"],
            environment=self.database.environment() | {"AMQP_URI": users_of(self.virtual_host)["alerts"]},
            log=temporary_directory("alerts") / "alerts.log",
        )

    def run(self, statement, *values):
        with psycopg.connect(self.database.admin_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def value(self, query, *values):
        return next(iter(self.run(query, *values)[0].values()))

    def add_people(self, number):
        """So many who want the alerts of the region, and half as many who do not."""
        insert = (
            "INSERT INTO alerts.audience_members (user_id, version, is_active, regions)"
            " SELECT gen_random_uuid(), 1, true, %s::varchar[] FROM generate_series(1, %s)"
        )
        self.run(insert, ["N"], number)
        self.run(insert, ["S"], number // 2)
        self.run("ANALYZE alerts.audience_members")

    def issue(self):
        """An alert for the region, written past the service; whatever is committed is told."""
        alert_id = uuid7()
        self.run(
            "INSERT INTO alerts.alerts (id, title, message, region_id, issued_by, priority)"
            " VALUES (%s, 'Storm', 'Stay inside.', %s, %s, 'high')",
            alert_id,
            self.region,
            UUID(int=0),
        )
        return alert_id

    def targeted(self, alert_id):
        """How many have a row so far, and whether that is everybody."""
        rows = self.run(
            "SELECT targeted, finished_at IS NOT NULL AS finished FROM alerts.alert_targeting WHERE alert_id = %s",
            alert_id,
        )
        return (rows[0]["targeted"], rows[0]["finished"]) if rows else (0, False)

    def wait_for_targets(self, alert_id, goal):
        """Looks on one connection, for targeting is fast beside the making of one."""
        query = "SELECT targeted FROM alerts.alert_targeting WHERE alert_id = %s"
        with psycopg.connect(self.database.admin_url, autocommit=True) as connection:
            eventually(
                lambda: (row := connection.execute(query, [alert_id]).fetchone()) and row[0] >= goal,
                f"{goal} targets",
                SECONDS,
                0.001,
            )

    def dead(self):
        return [letter.id for queue in topology.BY_QUEUE for letter in DeadLetters(self.uri, queue).list()]

    def is_settled(self):
        return self.value("SELECT count(*) FROM alerts.outbox") == 0

    def close(self):
        self.process.kill()
        with suppress(OSError):
            self.virtual_host.drop()
        self.database.drop()


@contextmanager
def made(server, broker):
    alerts = Alerts(server, broker)
    yield alerts
    alerts.close()


@pytest.fixture
def alerts(postgresql, broker):
    with made(postgresql, broker) as one:
        yield one


def test_targeting_that_is_killed_twice_reaches_everybody_once(alerts):
    random = chance()
    alerts.add_people(PEOPLE)
    alert_id = alerts.issue()
    # Early enough for what is left to outlast the looking and the killing, on whatever machine.
    for share in (random.uniform(0.02, 0.25), random.uniform(0.3, 0.5)):
        # It begins to work before it says that it serves.
        alerts.process.start(wait=False)
        goal = int(share * PEOPLE)
        alerts.wait_for_targets(alert_id, goal)
        alerts.process.kill()
        reached, finished = alerts.targeted(alert_id)
        assert reached < PEOPLE, "killed in the middle"
        assert not finished
    alerts.process.start()
    eventually(lambda: alerts.targeted(alert_id)[1], "everybody has it", SECONDS, 0.05)
    [found] = alerts.run(
        "SELECT count(*) AS rows, count(DISTINCT target_id) AS people,"
        " count(*) FILTER (WHERE m.regions = '{N}') AS wanted FROM alerts.alert_targets t"
        " JOIN alerts.audience_members m ON m.user_id::text = t.target_id"
        " WHERE t.alert_id = %s AND t.target_type = 'user'",
        alert_id,
    )
    assert (found["rows"], found["people"], found["wanted"]) == (PEOPLE, PEOPLE, PEOPLE)
    counted = alerts.run(
        "SELECT position, sum(targets) AS targets FROM alerts.alert_reach WHERE alert_id = %s"
        " GROUP BY position ORDER BY position",
        alert_id,
    )
    assert [(row["position"], row["targets"]) for row in counted] == [(0, PEOPLE), (1, PEOPLE)]
    eventually(alerts.is_settled, "the outbox empties")
    assert alerts.dead() == []


def told(event_type, subject, **facts):
    """An event of identity as its relay publishes it: the example of its contract, with these facts."""
    example = (Path(shared.domain.__file__).parent / f"examples/identity/{event_type}.json").read_bytes()
    data = orjson.loads(example) | facts
    event_id = uuid7()
    return Outgoing(
        body=orjson.dumps(data),
        exchange=topology.exchange_of("identity"),
        routing_key=event_type,
        message_id=str(event_id),
        headers=headers_of(
            service="identity",
            event_id=event_id,
            event_type=event_type,
            subject=UUID(str(subject)),
            sequence=data["version"],
            time=dt.datetime.now(dt.UTC),
            correlation_id="",
            traceparent=None,
        ),
    )


def test_accounts_that_join_because_a_region_moves_or_they_register_join_once_whenever_it_is_killed(alerts):
    """Half as many as have the alert follow a region that comes to lie in its own; others register meanwhile."""
    random = chance()
    people, movers, newcomers = MOVING, MOVING // 2, 1_000
    alerts.add_people(people)
    other = uuid7()
    alerts.run("INSERT INTO identity.regions (id, name, code) VALUES (%s, 'South', 'S')", other)
    alerts.run(
        "INSERT INTO alerts.audience_regions (region_id, version, code, name, lineage)"
        " VALUES (%s, 1, 'S', 'South', ARRAY[%s::uuid])",
        other,
        other,
    )
    alert_id = alerts.issue()
    alerts.process.start()
    eventually(lambda: alerts.targeted(alert_id) == (people, True), "everybody has it", SECONDS, 0.05)
    moved = told(
        "region_updated",
        other,
        region_id=str(other),
        version=2,
        code="S",
        name="South",
        parent_id=str(alerts.region),
    )
    registered = [
        told("user_created", who, user_id=str(who), preferences={"regions": ["N"], "all_regions": False})
        for who in (uuid7() for _ in range(newcomers))
    ]
    publisher = ConfirmedPublisher(alerts.uri, "a relay of identity")
    publisher.start()
    publisher.publish([*registered[: newcomers // 2], moved, *registered[newcomers // 2 :], moved])
    for share in (random.uniform(0.05, 0.3), random.uniform(0.4, 0.7)):
        alerts.wait_for_targets(alert_id, people + int(share * movers))
        alerts.process.kill()
        assert alerts.targeted(alert_id)[0] < people + movers, "killed in the middle"
        alerts.process.start(wait=False)
    publisher.stop()
    everybody = people + movers + newcomers
    eventually(lambda: alerts.targeted(alert_id)[0] == everybody, "everybody has joined", SECONDS, 0.05)
    eventually(lambda: alerts.run("SELECT FROM alerts.audience_moves") == [], "the move is over", SECONDS)
    [found] = alerts.run(
        "SELECT count(*) AS rows, count(DISTINCT target_id) AS people, count(left_at) AS left"
        " FROM alerts.alert_targets WHERE alert_id = %s AND target_type = 'user'",
        alert_id,
    )
    assert (found["rows"], found["people"], found["left"]) == (everybody, everybody, 0)
    counted = alerts.run(
        "SELECT position, sum(targets) AS targets FROM alerts.alert_reach WHERE alert_id = %s"
        " GROUP BY position ORDER BY position",
        alert_id,
    )
    assert [(row["position"], row["targets"]) for row in counted] == [(0, everybody), (1, everybody)]
    eventually(alerts.is_settled, "the outbox empties")
    assert alerts.dead() == []


def message(event_id, report_id, status, version, region_id):
    """A status event of a report as the relay of reports publishes it."""
    now = dt.datetime.now(dt.UTC)
    data = {
        "report_id": report_id,
        "version": version,
        "user_id": uuid7(),
        "region_id": region_id,
        "report_type_id": uuid7(),
        "severity_level_id": uuid7(),
        "severity_level": 4,
        "title": "Flood",
        "status": status,
        "previous_status": "pending",
        "changed_by": uuid7(),
        "changed_at": now,
        "notes": None,
    }
    return Outgoing(
        body=orjson.dumps(
            {name: str(value) if isinstance(value, UUID) else value for name, value in data.items()}
        ),
        exchange=topology.exchange_of("reports"),
        routing_key="report_status_changed",
        message_id=str(event_id),
        headers=headers_of(
            service="reports",
            event_id=event_id,
            event_type="report_status_changed",
            subject=report_id,
            sequence=version,
            time=now,
            correlation_id="",
            traceparent=None,
        ),
    )


def test_rules_that_hear_everything_five_times_in_any_order_make_one_alert(alerts):
    random = chance()
    alerts.run(RULE)
    lasting, ended = [uuid7() for _ in range(60)], [uuid7() for _ in range(60)]
    once = [message(uuid7(), report_id, "confirmed", 2, alerts.region) for report_id in lasting + ended]
    once += [message(uuid7(), report_id, "resolved", 3, alerts.region) for report_id in ended]
    told = once * 5
    random.shuffle(told)
    publisher = ConfirmedPublisher(alerts.uri, "a stammering relay")
    publisher.start()
    alerts.process.start()
    killed_at = random.randrange(100, 500)
    for start in range(0, len(told), 50):
        publisher.publish(told[start : start + 50])
        if start <= killed_at < start + 50:
            alerts.process.kill()
            alerts.process.start()
    last = uuid7()
    publisher.publish([message(uuid7(), last, "confirmed", 2, alerts.region)])
    publisher.stop()

    def made_of(reports, status):
        return alerts.value(
            "SELECT count(*) FROM alerts.alerts WHERE source_id = ANY(%s) AND msg_type = 'Alert' AND status = %s",
            reports,
            status,
        )

    eventually(lambda: made_of([last], "active") == 1, "the last event is followed", SECONDS, 0.05)
    eventually(lambda: made_of(lasting, "active") == len(lasting), "the lasting alerts", SECONDS, 0.05)
    eventually(lambda: made_of(ended, "active") == 0, "what has ended is over", SECONDS, 0.05)
    assert alerts.value("SELECT count(*) FROM alerts.alerts WHERE source_id = ANY(%s)", lasting) == len(
        lasting
    )
    doubled = (
        "SELECT count(*) FROM (SELECT FROM alerts.alerts WHERE msg_type = 'Alert'"
        " GROUP BY source_id HAVING count(*) > 1) AS doubled"
    )
    assert alerts.value(doubled) == 0
    assert alerts.dead() == []
