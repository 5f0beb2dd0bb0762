"""What is committed to an outbox reaches the broker: all of it, in order, and nothing that was not committed."""

from dataclasses import replace
from uuid import UUID, uuid4

import kombu
import orjson
import pytest
from sqlalchemy import make_url, text

from shared.client.errors import Unavailable
from shared.domain.topology import exchange_of
from shared.platform.amqp.declare import declare_everything
from shared.platform.db.connection import BoundedConnection
from shared.platform.db.engine import Database
from shared.platform.outbox import relay as relay_module
from shared.platform.outbox.relay import Relay
from shared.platform.outbox.routes import Routes
from tests.integration.shared.samples import EXAMPLE
from tests.support.proxy import Proxy
from tests.support.waiting import eventually

DATA = orjson.loads(EXAMPLE.read_bytes())


class Outbox:
    """The outbox of reports, written directly, and a queue that hears everything."""

    def __init__(self, database, uri):
        self.uri = uri
        self.db = Database(database.url("reports"), pool_size=5)
        declare_everything(uri, quorum=False)
        self._connection = kombu.Connection(uri)
        channel = self._connection.default_channel
        self._queue = kombu.Queue(f"heard-{uuid4()}", exclusive=True)(channel)
        self._queue.queue_declare()
        self._queue.bind_to(exchange_of("reports"), "#")
        self.messages = []

    def close(self):
        self._connection.release()
        self.db.close()

    def add(self, *, subject=None, sequence=1, event_type="report_created", transaction=None, **data):
        """One row; within a transaction of one's own it is as committed as that."""
        statement = text(
            "INSERT INTO reports.outbox (type, subject, sequence, data)"
            " VALUES (:type, :subject, :sequence, CAST(:data AS jsonb)) RETURNING id"
        )
        values = {
            "type": event_type,
            "subject": subject or uuid4(),
            "sequence": sequence,
            "data": orjson.dumps(DATA | data).decode(),
        }
        if transaction is not None:
            return str(transaction.execute(statement, values).scalar_one())
        with self.db.transaction() as connection:
            return str(connection.execute(statement, values).scalar_one())

    def heard(self):
        """The ids of the events that came, as they came."""
        while (message := self._queue.get(no_ack=True)) is not None:
            self.messages.append(message)
        return [message.properties["message_id"] for message in self.messages]

    def rows(self, condition="true"):
        with self.db.read() as connection:
            return connection.execute(
                text(f"SELECT * FROM reports.outbox WHERE {condition} ORDER BY seq")
            ).all()

    def relay(self, uri=None, poll=0.05):
        return Relay("reports", self.db, uri or self.uri, poll)


@pytest.fixture
def outbox(database, uri):
    made = Outbox(database, uri)
    yield made
    made.close()


@pytest.fixture
def running(outbox):
    """Starts relays and stops them at the end."""
    started = []

    def start(**options):
        one = outbox.relay(**options)
        one.start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.stop(10)


def test_rows_are_published_in_order_and_removed(outbox, running):
    ids = [outbox.add(sequence=number, version=number) for number in range(1, 11)]
    running()
    eventually(lambda: outbox.heard() == ids)
    eventually(lambda: outbox.rows() == [])


def test_a_database_that_accepts_and_never_answers_holds_up_no_event_for_long(database, uri, monkeypatch):
    """A hung pooler, or a frozen backend: TCP is acknowledged, and nothing comes."""
    monkeypatch.setattr(BoundedConnection, "answer_seconds", 0.5)
    url = make_url(database.url("reports"))
    with Proxy(url.port, url.host) as network:
        behind = Database(network.through(database.url("reports")), pool_size=2)
        outbox, relay = Outbox(database, uri), Relay("reports", behind, uri, 0.05)
        relay.start()
        first = outbox.add()
        eventually(lambda: heard_once(outbox) == [first])
        network.stall()
        second = outbox.add()
        eventually(lambda: not carries(relay))
        network.strand()  # what stands stays as it is; a new connection leads to a database that answers
        eventually(lambda: heard_once(outbox) == [first, second])
        eventually(lambda: carries(relay))
        relay.stop(10)
        behind.close()
        outbox.close()


def goes_round(relay):
    """Wait until a round that began after this has ended."""
    before = relay.rounds
    eventually(lambda: relay.rounds >= before + 2)


def heard_once(outbox):
    """Each event at its first arrival: on a busy machine the database may answer later than is waited for."""
    return list(dict.fromkeys(outbox.heard()))


def carries(relay):
    try:
        relay.check()
    except Unavailable:
        return False
    return True


def test_a_message_is_persistent_and_says_all_of_the_envelope(outbox, running):
    subject = uuid4()
    event_id = outbox.add(subject=subject, sequence=7, version=7)
    running()
    eventually(outbox.heard)
    message = outbox.messages[0]
    assert message.properties["delivery_mode"] == 2
    assert message.delivery_info["routing_key"] == "report_created"
    said = {name.removeprefix("cloudEvents_"): value for name, value in message.headers.items()}
    assert (said["id"], said["subject"], said["sequence"]) == (event_id, str(subject), "7")
    assert orjson.loads(message.body) == DATA | {"version": 7}


def test_what_is_not_committed_is_not_published(outbox, running):
    relay = running()
    with outbox.db.engine.execution_options(isolation_level="READ COMMITTED").connect() as undone:
        outbox.add(transaction=undone)
        goes_round(relay)
        undone.rollback()
    committed = outbox.add()
    eventually(outbox.heard)
    assert outbox.heard() == [committed]


def test_a_transaction_that_commits_late_is_not_skipped(outbox, running):
    """Its rows have lower numbers than those that were carried meanwhile."""
    running()
    with outbox.db.engine.execution_options(isolation_level="READ COMMITTED").connect() as slow:
        late = outbox.add(transaction=slow)
        early = outbox.add()
        eventually(lambda: outbox.heard() == [early])
        slow.commit()
    eventually(lambda: outbox.heard() == [early, late])
    eventually(lambda: outbox.rows() == [])


def test_more_than_a_batch_is_carried_without_waiting_in_between(outbox, running):
    count = 3 * relay_module.BATCH + 1
    with outbox.db.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO reports.outbox (type, subject, sequence, data) SELECT 'report_created', gen_random_uuid(),"
                " number, CAST(:data AS jsonb) FROM generate_series(1, :count) AS number"
            ),
            {"data": EXAMPLE.read_text(), "count": count},
        )
    running(poll=60)
    eventually(lambda: len(outbox.heard()) == count, timeout=30)
    assert len(set(outbox.heard())) == count
    assert [int(message.headers["cloudEvents_sequence"]) for message in outbox.messages] == list(
        range(1, count + 1)
    )


def test_large_events_are_carried_a_few_at_a_time(outbox, monkeypatch):
    """Five hundred regions with their boundaries are too much for the broker to confirm in time."""
    noise = "".join(uuid4().hex for _ in range(16_000))  # half a megabyte that does not compress well
    ids = [outbox.add(sequence=number, notes=noise) for number in range(12)]
    relay = outbox.relay()
    batches = []
    publish = relay._publisher.publish
    monkeypatch.setattr(
        relay._publisher, "publish", lambda messages: batches.append(len(messages)) or publish(messages)
    )
    relay._publisher.start()
    while relay.carry():
        pass
    relay._publisher.stop()
    assert outbox.heard() == ids
    assert max(batches) < len(ids) / 2
    eventually(lambda: outbox.rows() == [])


def test_one_event_that_is_larger_than_a_batch_is_carried(outbox, running, monkeypatch):
    monkeypatch.setattr(relay_module, "MAX_BATCH_BYTES", 100)
    ids = [outbox.add(sequence=number) for number in range(3)]
    running(poll=60)
    eventually(lambda: outbox.heard() == ids)


def test_a_row_without_a_contract_is_parked_and_its_thing_waits_behind_it(outbox, running):
    stuck, other = uuid4(), uuid4()
    before = outbox.add(subject=stuck, sequence=1)
    broken = outbox.add(subject=stuck, sequence=2, event_type="report_imagined")
    behind = outbox.add(subject=stuck, sequence=3)
    free = outbox.add(subject=other)
    running()
    eventually(lambda: outbox.heard() == [before, free])
    parked, waiting = eventually(lambda: len(rows := outbox.rows()) == 2 and rows)
    assert (str(parked.id), str(waiting.id)) == (broken, behind)
    assert "report_imagined" in parked.error
    assert parked.parked_at
    later = outbox.add(subject=stuck, sequence=4)
    last = outbox.add(subject=other, sequence=2)
    eventually(lambda: outbox.heard() == [before, free, last])
    with outbox.db.transaction() as connection:  # an operator decides that it was nothing
        connection.execute(text("DELETE FROM reports.outbox WHERE id = :id"), {"id": UUID(broken)})
    eventually(lambda: outbox.heard() == [before, free, last, behind, later])
    eventually(lambda: outbox.rows() == [])


def test_an_event_that_we_hear_is_kept_while_its_queue_is_missing(outbox, running, uri):
    with kombu.Connection(uri) as connection:
        connection.default_channel.queue_delete("reports.history")
        connection.default_channel.queue_delete("alerts.rules")
    outbox._connection.release()
    kept = outbox.add()
    goes_round(running())
    assert [str(row.id) for row in outbox.rows()] == [kept]
    declare_everything(uri, quorum=False)
    eventually(lambda: outbox.rows() == [], timeout=20)


def unbind(uri, queue, event_type="report_status_changed"):
    with kombu.Connection(uri) as connection:
        connection.default_channel.queue_unbind(queue, exchange_of("reports"), event_type)


def delete(uri, queue):
    with kombu.Connection(uri) as connection:
        connection.default_channel.queue_delete(queue)


def waiting_in(uri, queue):
    with kombu.Connection(uri) as connection:
        return connection.default_channel.queue_declare(queue, passive=True).message_count


def test_a_queue_that_lost_its_binding_gets_the_event_although_another_one_is_bound(outbox, running, uri):
    running()
    outbox.add(event_type="report_status_changed")
    eventually(lambda: outbox.rows() == [])
    unbind(uri, "alerts.rules")
    outbox.add(event_type="report_status_changed")
    eventually(lambda: outbox.rows() == [])
    eventually(lambda: waiting_in(uri, "alerts.rules") == 2)
    assert waiting_in(uri, "reports.history") == 2


def test_an_event_waits_for_the_one_queue_that_is_missing_and_the_others_pass_it_by(outbox, running, uri):
    delete(uri, "reports.history")
    relay = running()
    stuck, free = uuid4(), uuid4()
    before = outbox.add(subject=stuck, event_type="report_updated")
    kept = [outbox.add(subject=stuck, sequence=2, event_type="report_status_changed")]
    kept.append(
        outbox.add(subject=stuck, sequence=3, event_type="report_updated")
    )  # is heard by alerts.rules alone, and waits in order
    passing = [
        outbox.add(subject=free, sequence=number, event_type="report_updated") for number in range(1, 4)
    ]
    eventually(lambda: outbox.heard() == [before, *passing])
    eventually(lambda: [str(row.id) for row in outbox.rows()] == kept)
    with pytest.raises(Unavailable, match=r"reports\.history does not hear reports\.report_status_changed"):
        relay.check()
    later = outbox.add(subject=free, sequence=4, event_type="report_updated")
    eventually(lambda: outbox.heard() == [before, *passing, later])
    assert len(outbox.heard()) == 5, "nothing is published again meanwhile"
    declare_everything(uri, quorum=False)
    eventually(lambda: outbox.rows() == [])
    assert outbox.heard() == [before, *passing, later, *kept]
    assert waiting_in(uri, "reports.history") == 1
    eventually(lambda: relay.check() is None)


def test_more_events_than_a_batch_that_have_to_wait_hold_up_no_other(outbox, running, uri, monkeypatch):
    monkeypatch.setattr(relay_module, "BATCH", 5)
    delete(uri, "reports.history")
    kept = [outbox.add(event_type="report_status_changed") for _ in range(12)]
    free = outbox.add(event_type="report_updated")
    running()
    eventually(lambda: outbox.heard() == [free])
    declare_everything(uri, quorum=False)
    eventually(lambda: outbox.rows() == [])
    assert outbox.heard() == [free, *kept]


def test_of_a_batch_that_fails_what_has_arrived_is_not_published_again(outbox, uri, monkeypatch):
    """The queue goes in the moment between the look for it and the publishing."""
    relay = outbox.relay()
    delete(uri, "alerts.rules")
    delete(uri, "reports.history")
    monkeypatch.setattr(relay._routes, "missing", lambda _types: {})
    routed, subject = uuid4(), uuid4()
    with kombu.Connection(uri) as connection:  # one queue more, for one type alone
        queue = kombu.Queue("only-created", exclusive=True)(connection.default_channel)
        queue.queue_declare()
        queue.bind_to(exchange_of("reports"), "report_created")
        outbox._connection.release()
        outbox.add(subject=routed)
        lost = outbox.add(subject=subject, event_type="report_status_changed")
        behind = outbox.add(subject=subject, sequence=2)
        outbox.add(subject=routed, sequence=2)
        relay._publisher.start()
        with pytest.raises(Unavailable, match="No queue hears"):
            relay.carry()
        relay._publisher.stop()
    assert [str(row.id) for row in outbox.rows()] == [lost, behind]


def test_an_event_that_the_broker_does_not_take_is_parked_and_the_others_arrive(outbox, running, monkeypatch):
    before = [outbox.add() for _ in range(3)]
    refused = outbox.add(notes="too much")
    after = [outbox.add() for _ in range(3)]
    relay = outbox.relay()
    message = relay._message

    def oversized(row, traceparent):
        made = message(row, traceparent)
        if str(row.id) != refused:
            return made
        # no broker takes headers that do not fit into a frame
        return replace(made, headers=made.headers | {"padding": "x" * 140_000})

    monkeypatch.setattr(relay, "_message", oversized)
    relay.start()
    try:
        (row,) = eventually(
            lambda: len(rows := outbox.rows()) == 1 and rows[0].parked_at and rows, timeout=20
        )
        assert str(row.id) == refused
        assert set(outbox.heard()) == {*before, *after}
    finally:
        relay.stop(10)


def test_a_relay_that_does_not_get_the_outbox_does_not_wait_for_it(outbox, running):
    """It would hold a connection; and it comes back soon after."""
    with outbox.db.transaction() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('impactx.relay.reports', 0))"))
        event_id = outbox.add()
        relay = running(poll=60)
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        eventually(lambda: relay._busy)
        assert holder.execute(waiting).scalar_one() == 0
        assert outbox.heard() == []
    relay.wake()
    eventually(lambda: outbox.heard() == [event_id])


def test_an_event_that_nobody_hears_does_not_hold_up_the_others(outbox, running, uri):
    outbox._connection.release()
    outbox.add(event_type="report_updated", changed=["title"])
    running()
    eventually(lambda: outbox.rows() == [])


def test_replicas_take_turns_and_publish_each_row_once(outbox, running):
    for _ in range(3):
        running(poll=0.01)
    ids = [outbox.add(sequence=number) for number in range(200)]
    eventually(lambda: len(outbox.heard()) >= 200)
    eventually(lambda: outbox.rows() == [])
    assert outbox.heard() == ids


def test_a_broker_that_is_away_keeps_the_rows_and_is_found_again(outbox, running, proxy, uri):
    proxy.refuse()
    ids = [outbox.add(sequence=number) for number in range(5)]
    relay = running(uri=proxy.through(uri))
    eventually(lambda: relay.rounds > 0, "a round that failed", timeout=30)
    assert len(outbox.rows()) == 5
    proxy.admit()
    eventually(lambda: outbox.heard() == ids, timeout=20)
    eventually(lambda: outbox.rows() == [])


def test_confirms_that_do_not_come_make_duplicates_and_no_loss(outbox, running, proxy, uri, monkeypatch):
    # What it asks before it publishes has to be answered, or it does not publish.
    monkeypatch.setattr(relay_module, "Routes", lambda service, _uri: Routes(service, uri))
    running(uri=proxy.through(uri))
    first = outbox.add()
    eventually(lambda: outbox.rows() == [])
    proxy.deafen()
    second = outbox.add()
    eventually(lambda: outbox.heard() == [first, second])
    assert len(outbox.rows()) == 1, "not confirmed, not removed"
    proxy.cut()
    proxy.resume()
    eventually(lambda: outbox.rows() == [], timeout=20)
    assert outbox.heard()[:2] == [first, second]
    assert set(outbox.heard()) == {first, second}
    assert len(outbox.heard()) >= 3


def test_stopping_carries_what_is_there(outbox):
    relay = outbox.relay(poll=60)
    relay.start()
    eventually(lambda: relay.rounds == 1)  # it waits for a minute now
    ids = [outbox.add(sequence=number) for number in range(20)]
    relay.stop(10)
    assert outbox.heard() == ids
    eventually(lambda: outbox.rows() == [])


def test_a_commit_wakes_the_relay_at_once(outbox, running):
    relay = running(poll=3600)
    outbox.db.on_commit = relay.wake
    for count in (1, 2):  # when the second comes, the relay has looked and waits for an hour
        with outbox.db.write() as connection:
            outbox.add(transaction=connection)
        eventually(lambda count=count: len(outbox.heard()) == count)
