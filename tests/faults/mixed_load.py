"""People who use everything in every way, and an app that follows what happens."""

import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

import requests
from uuid6 import uuid7

from shared.client.errors import RpcTimeout, Unavailable
from shared.domain import topology
from tests.faults.fleet import Fleet
from tests.faults.harness import PASSWORD, SETTLE_SECONDS, Load
from tests.support.http import Client, Listener
from tests.support.waiting import eventually

CALL_SECONDS = 10.0
CAPACITY = 1000
THOUGHT_SECONDS = 0.15
GONE = (Unavailable, RpcTimeout, requests.ConnectionError)
"""What one asks again after."""


@dataclass
class MixedLoad(Load):
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
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._last_id = ""
        self._listening = threading.Event()
        self._turns = itertools.count()
        self.known: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(CALL_SECONDS), "the follower cannot listen"
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(CALL_SECONDS)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            client = self._anywhere()
            try:
                listener = Listener(client, query="?type=report_created", last_id=self._last_id)
            except (OSError, AssertionError):  # it stops, or has stopped
                self._stopping.wait(0.05)
                continue
            self._listening.set()
            self._hear(listener)
            listener.close()

    def _hear(self, listener: Listener) -> None:
        read = 0
        while not self._stopping.is_set():
            is_over = listener.is_over
            for event in listener.heard[read:]:
                read += 1
                self._take(event)
            if is_over:
                return
            self._stopping.wait(0.05)

    def _take(self, event: dict) -> None:
        if event["event"] == "report_created":
            self._last_id = event["id"]
            self.known.add(json.loads(event["data"])["subject"])
        elif event["event"] == "reset":
            while not self._stopping.is_set() and not self._read_anew():
                self._stopping.wait(0.05)

    def _read_anew(self) -> bool:
        """Whether it got through."""
        client, cursor = self._anywhere(), ""
        try:
            while cursor is not None:
                page = client.done("GET", f"/reports?limit=500{cursor and f'&cursor={cursor}'}")
                self.known |= {report["id"] for report in page["items"]}
                cursor = page["next_cursor"]
        except (requests.ConnectionError, AssertionError):
            return False
        return True

    def _anywhere(self) -> Client:
        """The next gateway."""
        urls = self._fleet.urls
        return Client(urls[next(self._turns) % len(urls)], self._fleet.token)
