"""A whole system of real processes, people who keep using it, and the invariants that hold whatever is killed.

For every report: history rows = 1 (its creation) + its accepted status changes, in the order of its versions, none
twice; the outbox empties; nothing lies in a dead queue that was not poisoned; every reply of success is durable;
nothing hangs.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Self

import kombu
import orjson
import psycopg
import requests
from psycopg.rows import dict_row
from uuid6 import uuid7

from infra.local.instance_dir import private_key_pem
from shared.client.errors import RpcTimeout, Unavailable
from shared.client.rpc import RpcClient
from shared.domain import topology
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.reports import DUPLICATE, STATUS
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox.dead_letters import DeadLetters
from tests.support.directories import temporary_directory
from tests.support.postgresql import fresh_database
from tests.support.processes import ROOT, ServiceProcess
from tests.support.proxy import Proxy
from tests.support.rabbitmq import users_of
from tests.support.regions import add_regions
from tests.support.waiting import eventually, patience

EMAIL, PASSWORD = "admin@impactx.example", "a long enough password"
ATTEMPT_SECONDS = 2.0
GIVE_UP_SECONDS = 60.0
SETTLE_SECONDS = 30.0
NOT_IN_TIME = "did not stop within their grace"
"""What a process logs that gives up finishing its work."""

PLACE = {"type": "Point", "coordinates": [-72.3, 18.5]}


class System:
    """identity as one process; reports in as many as a test starts, each behind a network of its own.

    Args:
        server: A PostgreSQL.
        broker: A RabbitMQ.
    """

    def __init__(self, server, broker) -> None:
        self.server = server
        self.broker = broker
        self.database = fresh_database(server)
        self.virtual_host = broker.fresh_virtual_host()
        self.uri = self.virtual_host.uri
        self._users = users_of(self.virtual_host)
        self._directory = temporary_directory("faults")
        self._environment = self.database.environment() | {
            "IMPACTX_ADMIN_EMAIL": EMAIL,
            "IMPACTX_ADMIN_PASSWORD": PASSWORD,
            "IMPACTX_BCRYPT_COST": "4",
            "IMPACTX_ACCESS_TOKEN_LIFETIME": "3600",
            "IMPACTX_JWT_PRIVATE_KEY": private_key_pem(),
        }
        self._owned = ExitStack()
        self._replicas = 0
        try:
            self._start()
        except BaseException:
            # Else its processes outlive it, and the tests after it fail for them.
            self.close()
            raise

    def _start(self) -> None:
        declare_everything(self.uri, quorum=False)
        self.command("seed")
        add_regions(self.database.admin_url)
        self._owned.enter_context(self._process("identity", self._users["identity"], "identity"))
        with RpcClient(self.uri, name="set-up") as client:
            signed_in = client.identity.authenticate(email=EMAIL, password=PASSWORD)
            self.token = signed_in["access_token"]
        self.region, self.report_type, self.severity = (
            self.value(f"SELECT id::text FROM {table} LIMIT 1")
            for table in (
                f"identity.regions WHERE id <> '{UNKNOWN_REGION_ID}'",
                "reports.report_types",
                "reports.severity_levels",
            )
        )

    def close(self) -> None:
        """Ends everything."""
        self._owned.close()
        with suppress(OSError):
            self.virtual_host.drop()
        with suppress(psycopg.Error):
            self.database.drop()

    def logs(self) -> list[tuple[str, str]]:
        """What each process wrote last, with its name."""
        return [(log.name, log.read_text(errors="replace")[-6000:]) for log in self._directory.glob("*.log")]

    def command(self, *arguments: str) -> str:
        """Runs ``python -m services …`` to its end; what it printed."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMPACTX_")}
        done = subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            cwd=ROOT,
            env=inherited | self._environment | {"AMQP_URI": self.uri},
            capture_output=True,
            text=True,
            timeout=patience(60),
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def replica(self) -> Iterator["Replica"]:
        """One more process of reports, served until the block ends."""
        self._replicas += 1
        with Proxy(self.broker.port, self.broker.host) as network, Proxy(self.server.port) as database:
            uri = network.through(self._users["reports"])
            process = self._process(
                "reports",
                uri,
                f"reports-{self._replicas}",
                IMPACTX_REPORTS_DATABASE_URL=database.through(
                    self._environment["IMPACTX_REPORTS_DATABASE_URL"]
                ),
                IMPACTX_HEALTH_PORT="0",
            )
            with process:
                yield Replica(process, network, database)

    def client(self) -> RpcClient:
        """A caller with every permission, who gives up an attempt soon so as to make it again."""
        return RpcClient(self.uri, timeout=ATTEMPT_SECONDS, token=self.token, name="caller")

    def new_report(self) -> dict:
        """The arguments of a report that has not been filed."""
        return {
            "id": str(uuid7()),
            "region_id": self.region,
            "report_type_id": self.report_type,
            "severity_level_id": self.severity,
            "title": "Road blocked",
            "description": "A landslide.",
            "location": PLACE,
        }

    def ask(self, method: str, arguments: dict):
        """Calls as one who does not give up; the answer."""
        with self.client() as client:
            return until_answered(client, method, arguments)

    def file(self, report: dict) -> dict:
        """Files a report; the answer."""
        return self.ask("reports.create_report", report)

    # --- what an onlooker sees ---

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection as the superuser, who sees everything, in autocommit."""
        with psycopg.connect(self.database.admin_url, autocommit=True, row_factory=dict_row) as made:
            yield made

    def rows(self, query: str, *values: object) -> list[dict]:
        with self.connection() as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: str, *values: object):
        return next(iter(self.rows(query, *values)[0].values()))

    def history(self, report_id: str) -> list[str]:
        """The statuses that a report's history tells, by version."""
        rows = self.rows(
            "SELECT status FROM reports.report_status_history WHERE report_id = %s ORDER BY version",
            report_id,
        )
        return [row["status"] for row in rows]

    def outbox(self) -> int:
        return self.value("SELECT count(*) FROM reports.outbox")

    def waiting(self, queue: str) -> int:
        """Messages of the queue that are handed out to nobody."""
        with kombu.Connection(self.uri) as connection:
            return connection.default_channel.queue_declare(queue, passive=True).message_count

    def readers(self, queue: str) -> int:
        """Connections that read the queue."""
        with kombu.Connection(self.uri) as connection:
            return connection.default_channel.queue_declare(queue, passive=True).consumer_count

    def dead(self) -> list[str]:
        """The ids of all dead letters."""
        return [letter.id for queue in topology.BY_QUEUE for letter in DeadLetters(self.uri, queue).list()]

    def is_blocked(self, what: str) -> bool:
        """Whether a statement of reports that begins like this waits for a lock."""
        return self.value(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
            " AND query ILIKE %s",
            self.database.name,
            f"{what}%",
        )

    def transactions(self) -> int:
        """How many transactions of reports are open."""
        return self.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'impactx reports'"
            " AND xact_start IS NOT NULL",
            self.database.name,
        )

    # --- what holds, whatever was killed ---

    def check_invariants(self, acknowledged: dict[str, list[str]], poisoned: set[str] = frozenset()) -> None:
        """Waits, bounded, for the system to settle, and looks at everything.

        Args:
            acknowledged: For each report the statuses that were answered with success, in order.
            poisoned: The ids of the messages that may, and must, lie in a dead queue.
        """
        assert acknowledged, "the test did nothing"
        eventually(lambda: self.outbox() == 0, "the outbox empties", SETTLE_SECONDS, 0.1)
        changes = sum(map(len, acknowledged.values()))
        count = "SELECT count(*) FROM reports.report_status_history WHERE report_id = ANY(%s)"
        ids = list(acknowledged)
        with suppress(AssertionError):  # said below, with what exactly is missing
            eventually(lambda: self.value(count, ids) >= changes, "the history", SETTLE_SECONDS, 0.1)
        rows = self.rows(
            "SELECT r.id::text, r.status, r.version,"
            " array(SELECT h.status::text FROM reports.report_status_history h WHERE h.report_id = r.id"
            " ORDER BY h.version) AS history,"
            " array(SELECT h.version FROM reports.report_status_history h WHERE h.report_id = r.id"
            " ORDER BY h.version) AS versions"
            " FROM reports.reports r WHERE r.id = ANY(%s)",
            ids,
        )
        reports = {row["id"]: row for row in rows}
        assert reports.keys() == acknowledged.keys(), "every report that was acknowledged is there"
        for report_id, statuses in acknowledged.items():
            row = reports[report_id]
            assert (row["status"], row["version"]) == (statuses[-1], len(statuses)), (
                "every success is durable"
            )
            assert row["history"] == statuses, f"the history of {report_id}"
            assert row["versions"] == list(range(1, len(statuses) + 1)), f"the history of {report_id}"
        assert set(self.dead()) == set(poisoned), "nothing is dead that was not poisoned"

    def check_nothing_left(self) -> None:
        """When no process of reports runs: whatever was unacknowledged would be waiting again."""
        eventually(lambda: self.waiting("reports.history") == 0, "every event is acknowledged")
        eventually(lambda: self.waiting("rpc-reports") == 0, "every request is acknowledged or has expired")

    def _process(self, service: str, uri: str, name: str, **settings: str) -> ServiceProcess:
        return ServiceProcess(
            ["serve", service],
            environment=self._environment | {"AMQP_URI": uri} | settings,
            log=self._directory / f"{name}.log",
        )


@dataclass
class Replica:
    """A process of reports, and the networks between it and the broker and the database."""

    process: ServiceProcess
    network: Proxy
    database: Proxy

    def kill(self) -> None:
        """SIGKILL; its connections end, as they do when a kernel cleans up after a process."""
        self.process.kill()
        self.network.cut()
        self.network.resume()

    def readiness(self) -> str:
        """Empty while it says that it can do its work; else what it says."""
        address = re.search(r"metrics at (http://[\d.:]+)", self.process.output())
        assert address, "it does not say where it is asked"
        try:
            answer = requests.get(f"{address[1]}/health/ready", timeout=patience(10))
        except requests.RequestException as error:
            return str(error)
        return "" if answer.ok else answer.text

    def freeze(self) -> None:
        """SIGSTOP: its connections stand, and nobody answers on them."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on after `freeze`."""
        os.kill(self.process.pid, signal.SIGCONT)

    def restart(self) -> None:
        """Starts it again after it has been killed or stopped."""
        self.process.start()


@dataclass
class Load:
    """People who file reports and move them about, and who repeat a call until it is answered.

    What they do is repeated with the same id or version, so it has to succeed in the end, and to count once.

    Attributes:
        acknowledged: For each report the statuses that were answered with success, in order.
        failures: Calls that had to be repeated.
        wrong: What must not happen: a refusal, or a call without an answer for a minute.
    """

    system: System
    random: Random
    people: int = 8
    acknowledged: dict[str, list[str]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    wrong: list[Exception] = field(default_factory=list)
    answers: int = 0

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._client = self.system.client()
        seeds = [self.random.randrange(2**32) for _ in range(self.people)]
        self._threads = [threading.Thread(target=self._use, args=(Random(seed),)) for seed in seeds]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(patience(GIVE_UP_SECONDS) + 10)
        hanging = [thread for thread in self._threads if thread.is_alive()]
        self._client.close()
        assert not hanging, "a caller hangs"
        if self.wrong:
            raise self.wrong[0]

    def wait_for(self, answers: int, timeout: float = GIVE_UP_SECONDS) -> None:
        """Until so many more calls have been answered."""
        goal = self.answers + answers
        eventually(lambda: self.wrong or self.answers >= goal, f"{answers} more answers", timeout, 0.02)
        if self.wrong:
            raise self.wrong[0]

    def _use(self, random: Random) -> None:
        try:
            while not self._stopping.is_set():
                self._one_report(random)
        except Exception as error:  # noqa: BLE001 - raised where the test waits
            self.wrong.append(error)

    def _one_report(self, random: Random) -> None:
        report = self._ask("reports.create_report", self.system.new_report())
        statuses = self.acknowledged[report["id"]] = [report["status"]]
        for _ in range(random.randint(0, 5)):
            onward = [status for status in STATUS.moves[report["status"]] if status != DUPLICATE]
            if self._stopping.is_set() or not onward:
                return
            change = {
                "report_id": report["id"],
                "version": report["version"],
                "status": random.choice(onward),
                "notes": f"change {len(statuses)}",
            }
            report = self._ask("reports.change_report_status", change)
            statuses.append(report["status"])

    def _ask(self, method: str, arguments: dict):
        answer = until_answered(self._client, method, arguments, self.failures.append)
        self.answers += 1
        return answer


def until_answered(client: RpcClient, method: str, arguments: dict, on_failure=lambda _error: None):
    """Repeats a call, with the same arguments, until it is answered with success.

    Raises:
        ImpactXError: It was refused.
        AssertionError: It was not answered for a minute.
    """
    deadline = time.monotonic() + patience(GIVE_UP_SECONDS)
    while True:
        try:
            return client.call(method, arguments)
        except (Unavailable, RpcTimeout) as error:
            on_failure(error)
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} was not answered for a minute") from error
            time.sleep(0.05)


class Onlooker:
    """A queue of the test's own that hears a service's events, to see what was really published."""

    def __init__(self, system: System, service: str = "reports") -> None:
        self._connection = kombu.Connection(system.uri)
        channel = self._connection.default_channel
        self._queue = kombu.Queue(f"onlooker-{uuid7()}", exclusive=True)(channel)
        self._queue.queue_declare()
        self._queue.bind_to(topology.exchange_of(service), "#")
        self.seen: list = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.release()

    def look(self) -> list:
        """Every message that has come so far."""
        while (message := self._queue.get(no_ack=True)) is not None:
            self.seen.append(message)
        return self.seen

    def about(self, report_id: str) -> list[str]:
        """The ids of the events about a report, as often as they came."""
        return [
            message.properties["message_id"]
            for message in self.look()
            if orjson.loads(message.body)["report_id"] == report_id
        ]
