"""Every service in several processes, people who use all of them in every way, and what each replica did."""

import datetime as dt
import itertools
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

import psycopg
import requests
from prometheus_client.parser import text_string_to_metric_families
from uuid6 import uuid7

from infra.postgres.roles import runtime_role
from shared.contracts import topology
from shared.errors import RpcTimeout, Unavailable
from shared.messaging.event import PREFIX
from tests.faults.harness import PASSWORD, SETTLE_SECONDS, Load, Onlooker, System
from tests.support.http import Client, Listener
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually

GATEWAY = "gateway"
EVERY_SERVICE = (*topology.SERVICES, GATEWAY)
START_SECONDS = 120.0
"""For many processes that start side by side."""

SHARED_SECONDS = 60.0
CALL_SECONDS = 10.0
CAPACITY = 1000
THOUGHT_SECONDS = 0.1
ENDS_AN_ALERT = ("resolved", "rejected", "duplicate")
GONE = (Unavailable, RpcTimeout, requests.ConnectionError)
"""What one asks again after."""


class Fleet(System):
    """A system in which each service, the gateway too, is a number of processes."""

    def __init__(self, server, broker, replicas: int) -> None:
        self.replicas: dict[str, list[ServiceProcess]] = defaultdict(list)
        super().__init__(server, broker)
        self.severity = self.value("SELECT id::text FROM reports.severity_levels WHERE level = 5")
        self.resource_type = self.value("SELECT id::text FROM resources.resource_types LIMIT 1")
        self._let_statements_of_alerts_wait()
        new = [
            self._process(service, self.uri, f"{service}-{number}")
            for service in EVERY_SERVICE
            for number in range(replicas - len(self.replicas[service]))
        ]
        for process in new:
            self._owned.callback(process.kill)
            process.start(wait=False)
        for process in new:
            process.wait_ready(START_SECONDS)

    @property
    def processes(self) -> list[tuple[str, ServiceProcess]]:
        """All of them, with their service."""
        return [(service, process) for service, some in self.replicas.items() for process in some]

    @property
    def urls(self) -> list[str]:
        """Where the gateways are that run now."""
        found = [_address("serving gateway at", gateway) for gateway in self.replicas[GATEWAY]]
        return [url for url in found if url]

    def shrink(self, replicas: int) -> None:
        """Stops all replicas but so many, in an orderly way."""
        for service in EVERY_SERVICE:
            while len(self.replicas[service]) > replicas:
                assert self.replicas[service].pop().terminate() == 0

    def ready(self, process: ServiceProcess) -> bool:
        """Whether the process says that it can do its work."""
        return requests.get(f"{_address('metrics at', process)}/health/ready", timeout=10).ok

    def counted(self, process: ServiceProcess, metric: str, **labels: str) -> float:
        """The sum of a metric of one process, over the series with these labels."""
        page = requests.get(f"{_address('metrics at', process)}/metrics", timeout=10).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == metric and labels.items() <= sample.labels.items()
        )

    def check_shared(self, queues: Collection[str]) -> None:
        """Waits until every replica has answered requests and handled events of each of these queues of its own."""
        with suppress(AssertionError):  # said below, with who does nothing
            eventually(lambda: not self._idle(queues), "all work", SHARED_SECONDS, 0.2)
        assert self._idle(queues) == []

    # --- alerts and their timer ---

    def issue_alert(self, lifetime: dt.timedelta) -> str:
        """An alert that is over soon; its id."""
        alert = {
            "id": str(uuid7()),
            "title": "Storm",
            "message": "It passes.",
            "region_id": self.region,
            "priority": "low",
            "expires_at": dt.datetime.now(dt.UTC) + lifetime,
        }
        return self.ask("alerts.issue_alert", alert)["id"]

    @contextmanager
    def unchanging_alerts(self) -> Iterator[None]:
        """Whoever wants to write an alert waits until the block ends."""
        with psycopg.connect(self.database.admin_url) as connection:
            connection.execute("LOCK TABLE alerts.alerts IN EXCLUSIVE MODE")
            yield

    def waiting_timers(self) -> int:
        """How many replicas of alerts are about to end alerts and wait to be let; each has one timer."""
        return self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'impactx alerts'"
            " AND wait_event_type = 'Lock' AND query LIKE 'WITH due AS%%'",
            self.database.name,
        )

    # --- what holds, whoever did it ---

    def check_alerts(self, acknowledged: dict[str, list[str]]) -> None:
        """One alert for each confirmed version of a report that nothing has ended since, and no other is active."""
        expected = {
            (report_id, version)
            for report_id, statuses in acknowledged.items()
            for version, status in enumerate(statuses, start=1)
            if status == "confirmed" and not set(statuses[version:]) & set(ENDS_AN_ALERT)
        }

        def active():
            rows = self.rows(
                "SELECT source_id::text, source_version FROM alerts.alerts"
                " WHERE status = 'active' AND source_id = ANY(%s)",
                list(acknowledged),
            )
            return sorted((row["source_id"], row["source_version"]) for row in rows)

        with suppress(AssertionError):  # said below, with what exactly differs
            eventually(lambda: active() == sorted(expected), "the alerts", SETTLE_SECONDS, 0.1)
        assert active() == sorted(expected)

    def check_order(self, onlooker: Onlooker) -> None:
        """The events of each thing came in the order of its versions, with no gap; what came again came later."""
        came: dict[str, list[int]] = defaultdict(list)
        for message in onlooker.look():
            sequence = int(message.headers[PREFIX + "sequence"])
            versions = came[message.headers[PREFIX + "subject"]]
            if sequence not in versions:
                versions.append(sequence)
        assert came, "the onlooker heard nothing"
        for subject, versions in came.items():
            assert versions == list(range(1, len(versions) + 1)), f"the events of {subject}"

    def _idle(self, queues: Collection[str]) -> list[str]:
        found = []
        for service, process in self.processes:
            requests_of = f"impactx_{'http' if service == GATEWAY else 'rpc_server'}_requests_total"
            if not self.counted(process, requests_of):
                found.append(f"{process.log.stem} answers nobody")
            found += [
                f"{process.log.stem} handles nothing of {queue}"
                for queue in queues
                if topology.BY_QUEUE[queue].service == service
                and not self.counted(process, "impactx_handler_events_total", queue=queue)
            ]
        return found

    def _let_statements_of_alerts_wait(self) -> None:
        """Long enough for a test to hold them up."""
        with self.connection() as connection:
            for setting in ("lock_timeout", "statement_timeout"):
                connection.execute(
                    f"ALTER ROLE {runtime_role('alerts')} IN DATABASE {self.database.name} SET {setting} = '120s'"
                )

    def _process(self, service: str, uri: str, name: str) -> ServiceProcess:
        settings = {
            "AMQP_URI": uri,
            "IMPACTX_HEALTH_PORT": "0",
            "IMPACTX_HTTP_PORT": "0",
            "IMPACTX_ATTACHMENTS": str(self._directory / "attachments"),
        }
        process = ServiceProcess(
            ["serve", service],
            environment=self._environment | settings,
            log=self._directory / f"{name}.log",
        )
        self.replicas[service].append(process)
        return process


@dataclass
class Everyone(Load):
    """People who do a bit of everything, by RPC or by HTTP, and who ask once more when they get no answer.

    Attributes:
        registered: The accounts that were made.
        used: For each resource how much was taken, and its statuses in order.
    """

    system: Fleet
    registered: list[str] = field(default_factory=list)
    used: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._turns = itertools.count()
        self._own = threading.local()
        return super().__enter__()

    def check(self) -> None:
        """Looks at everything that was done, once the system has settled."""
        system = self.system
        for service in topology.SERVICES:
            eventually(
                lambda service=service: system.value(f"SELECT count(*) FROM {service}.outbox") == 0,
                f"the outbox of {service} empties",
                SETTLE_SECONDS,
                0.1,
            )
        system.check_invariants(self.acknowledged)
        system.check_alerts(self.acknowledged)
        known = "SELECT count(*) FROM alerts.audience_members WHERE user_id = ANY(%s)"
        eventually(
            lambda: system.value(known, self.registered) == len(self.registered),
            "the alerts know everybody",
            SETTLE_SECONDS,
            0.1,
        )
        for resource_id, (taken, statuses) in self.used.items():
            usage = "SELECT current_usage FROM resources.resources WHERE id = %s"
            assert system.value(usage, resource_id) == taken
            history = (
                "SELECT array_agg(status::text ORDER BY version)"
                " FROM resources.resource_status_history WHERE resource_id = %s"
            )
            eventually(
                lambda r=resource_id, s=statuses, q=history: system.value(q, r) == s,
                f"the history of {resource_id}",
                SETTLE_SECONDS,
                0.1,
            )

    def _use(self, random: Random) -> None:
        try:
            self._own.session = requests.Session()
            resource = self._new_resource()
            while not self._stopping.is_set():
                self._one_report(random)
                self._use_resource(resource)
                self._register()
        except Exception as error:  # noqa: BLE001 - raised where the test waits
            self.wrong.append(error)

    def _new_resource(self) -> dict:
        resource = self._ask(
            "resources.create_resource",
            {
                "id": str(uuid7()),
                "name": "School",
                "region_id": self.system.region,
                "resource_type_id": self.system.resource_type,
                "location": {"type": "Point", "coordinates": [-72.3, 18.5]},
                "capacity": CAPACITY,
            },
        )
        self.used[resource["id"]] = (0, [resource["status"]])
        return resource

    def _use_resource(self, resource: dict) -> None:
        taken, statuses = self.used[resource["id"]]
        if taken < CAPACITY:
            change = {"id": str(uuid7()), "usage_change": 1}
            self._over_http("POST", f"/resources/{resource['id']}/usage-changes", json=change)
            taken += 1
        status = "limited" if statuses[-1] == "available" else "available"
        resource_id = {"resource_id": resource["id"]}
        now = self._ask("resources.get_resource", resource_id)
        change = resource_id | {"version": now["version"], "status": status}
        self._ask("resources.change_resource_status", change)
        self.used[resource["id"]] = (taken, [*statuses, status])

    def _register(self) -> None:
        account = {
            "id": str(uuid7()),
            "email": f"{uuid7()}@impactx.example",
            "password": PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
        }
        self.registered.append(self._ask("identity.register_user", account)["id"])
        self._ask("alerts.list_my_alerts", {})

    def _ask(self, method: str, arguments: dict):
        """By RPC, or where there is such a request every other time by HTTP."""
        over_http = _REQUESTS.get(method)
        if over_http is not None and next(self._turns) % 2:
            return self._over_http(*over_http(arguments))
        return self._once_more(
            lambda _number: self._client.call(method, arguments, timeout=CALL_SECONDS, attempts=1)
        )

    def _over_http(self, verb: str, path: str, version: int | None = None, json: dict | None = None):
        turn = next(self._turns)

        def attempt(number: int):
            urls = self.system.urls
            client = Client(urls[(turn + number) % len(urls)], self.system.token, session=self._own.session)
            answer = client(verb, path, version=version, json=json)
            if answer.status_code == 503:
                raise Unavailable(answer.text)
            assert answer.ok, (answer.status_code, answer.text)
            return answer.json()

        return self._once_more(attempt)

    def _once_more(self, attempt: Callable[[int], Any]):
        try:
            answer = attempt(0)
        except GONE as error:
            self.failures.append(error)
            answer = attempt(1)
        self.answers += 1
        # People read what they are told; and the processors are there for what is started and stopped meanwhile.
        self._stopping.wait(THOUGHT_SECONDS)
        return answer


_REQUESTS = {
    "reports.create_report": lambda given: ("POST", "/reports", None, given),
    "reports.change_report_status": lambda given: (
        "PUT",
        f"/reports/{given['report_id']}/status",
        given["version"],
        {"status": given["status"], "notes": given["notes"]},
    ),
    "identity.register_user": lambda given: ("POST", "/users", None, given),
}


class Follower:
    """An app that follows what happens: when its stream ends it goes on elsewhere, and told so it reads anew.

    Attributes:
        known: The reports that it knows of.
        resets: How often it had to read anew.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._last_id = ""
        self._listening = threading.Event()
        self.known: set[str] = set()
        self.resets = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(CALL_SECONDS), "the follower cannot listen"
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(CALL_SECONDS)

    def _follow(self) -> None:
        for turn in itertools.count():
            if self._stopping.is_set():
                return
            urls = self._fleet.urls
            client = Client(urls[turn % len(urls)], self._fleet.token)
            try:
                listener = Listener(client, query="?type=report_created", last_id=self._last_id)
            except (OSError, AssertionError):  # it stops, or has stopped
                self._stopping.wait(0.05)
                continue
            self._listening.set()
            self._hear(client, listener)

    def _hear(self, client: Client, listener: Listener) -> None:
        read = 0
        while not self._stopping.is_set():
            is_over = listener.is_over
            for event in listener.heard[read:]:
                read += 1
                self._take(client, event)
            if is_over:
                break
            self._stopping.wait(0.05)
        listener.close()

    def _take(self, client: Client, event: dict) -> None:
        if event["event"] == "reset":
            self.resets += 1
            with suppress(requests.ConnectionError):
                self._read_anew(client)
        elif event["event"] == "report_created":
            self._last_id = event["id"]
            self.known.add(re.search(r'"subject":"([^"]+)"', event["data"])[1])

    def _read_anew(self, client: Client) -> None:
        page = client.done("GET", "/reports?limit=500")
        while True:
            self.known |= {report["id"] for report in page["items"]}
            if not page["next_cursor"]:
                return
            page = client.done("GET", f"/reports?limit=500&cursor={page['next_cursor']}")


def _address(after: str, process: ServiceProcess) -> str:
    """The address that the process says when it serves; empty while it does not."""
    found = re.search(rf"{after} (http://[\d.:]+)", process.output()) if process.is_running else None
    return found[1] if found else ""
