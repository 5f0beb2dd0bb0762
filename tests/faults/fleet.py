"""Every service in several processes, and what each of them did."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psycopg
import requests
from prometheus_client.parser import text_string_to_metric_families
from uuid6 import uuid7

from infra.postgres.roles import runtime_role
from shared.client.events import PREFIX
from shared.domain import topology
from tests.faults.harness import SETTLE_SECONDS, Onlooker, System
from tests.support.processes import ServiceProcess
from tests.support.waiting import eventually, patience

GATEWAY = "gateway"
EVERY_SERVICE = (*topology.SERVICES, GATEWAY)
START_SECONDS = 120.0
"""For many processes that start side by side."""

SHARED_SECONDS = 60.0
ALERTED = frozenset({"confirmed", "in_progress"})


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
        return requests.get(f"{_address('metrics at', process)}/health/ready", timeout=patience(10)).ok

    def counted(self, process: ServiceProcess, metric: str, **labels: str) -> float:
        """The sum of a metric of one process, over the series with these labels."""
        page = requests.get(f"{_address('metrics at', process)}/metrics", timeout=patience(10)).text
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

    def issue_alert(self) -> str:
        """An alert that holds for a day; its id."""
        alert = {
            "id": str(uuid7()),
            "title": "Storm",
            "message": "It passes.",
            "region_id": self.region,
            "priority": "low",
            "expires_at": dt.datetime.now(dt.UTC) + dt.timedelta(days=1),
        }
        return self.ask("alerts.issue_alert", alert)["id"]

    @contextmanager
    def held_up_until_over(self, alert_ids: list[str]) -> Iterator[None]:
        """Whoever wants to write an alert waits until the block ends, and finds that the time of these is over."""
        with psycopg.connect(self.database.admin_url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("LOCK TABLE alerts.alerts IN EXCLUSIVE MODE")
            yield
            # now() is when this transaction began, before all who wait for it
            connection.execute("UPDATE alerts.alerts SET expires_at = now() WHERE id = ANY(%s)", [alert_ids])

    def waiting_timers(self) -> int:
        """How many replicas of alerts are about to end alerts and wait to be let; each has one timer."""
        return self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'impactx alerts'"
            " AND wait_event_type = 'Lock' AND query LIKE 'WITH due AS%%'",
            self.database.name,
        )

    # --- what holds, whoever did it ---

    def check_alerts(self, acknowledged: dict[str, list[str]]) -> None:
        """One alert for each report that is confirmed or worked on now, and no other is active."""
        expected = [report_id for report_id, statuses in acknowledged.items() if statuses[-1] in ALERTED]

        def active():
            rows = self.rows(
                "SELECT source_id::text FROM alerts.alerts WHERE status = 'active' AND source_id = ANY(%s)",
                list(acknowledged),
            )
            return sorted(row["source_id"] for row in rows)

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


def _address(after: str, process: ServiceProcess) -> str:
    """The address that the process says when it serves; empty while it does not."""
    found = re.search(rf"{after} (http://[\d.:]+)", process.output()) if process.is_running else None
    return found[1] if found else ""
