"""Small services that stand on `shared` alone, run in the test process, and what is needed to talk to them."""

import datetime as dt
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import eventlet
import orjson
from marshmallow import fields

import shared.domain
from infra.local.instance_dir import private_key_pem
from services.identity.tokens import Signer
from shared.client.errors import Conflict
from shared.domain.topology import exchange_of
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from shared.platform.outbox.event import headers_of
from shared.platform.outbox.subscribe import subscribe
from shared.platform.rpc.operation import ANYONE, SIGNED_IN, operation
from shared.platform.rpc.verification import OwnsKeys
from shared.platform.runtime import Runtime
from shared.platform.schemas import Arguments, Empty, Result, Text
from shared.platform.settings import Settings

SIGNER = Signer(private_key_pem())
EXAMPLE = Path(shared.domain.__file__).parent / "examples/reports/report_created.json"
HISTORY = "reports.history"


FAULTS: list[BaseException] = []
"""What `EchoService.fail` raises."""


class Say(Arguments):
    text = Text(max_length=100_000, required=True)


class Wait(Arguments):
    seconds = fields.Float(required=True)
    mark = Text(max_length=50, load_default="")


class Said(Result):
    text = fields.String()


class EchoService(OwnsKeys):
    """Answers, slowly, wrongly or not at all, as it is asked."""

    name = "echo"
    executed: list[str] = []  # noqa: RUF012 - shared by all workers on purpose: it is what the tests look at
    released = threading.Event()
    """Ends every `wait`: set at the end of a test, whose calls that nobody waits for shall not hold up the stop."""

    @staticmethod
    def own_keys(_settings: Settings) -> Any:
        return SIGNER.jwks()

    @operation(permission=ANYONE, arguments=Say, result=Said)
    def say(self, caller, text):
        self.executed.append(text)
        return {"text": text}

    @operation(permission=ANYONE, arguments=Wait)
    def wait(self, caller, seconds, mark):
        self.executed.append(mark)
        self.released.wait(seconds)

    @operation(permission=SIGNED_IN, arguments=Empty, result=Said)
    def whoami(self, caller):
        return {"text": str(caller.user_id)}

    @operation(permission="report:create", arguments=Empty, result=Said)
    def privileged(self, caller):
        return {"text": "yes"}

    @operation(permission=ANYONE, arguments=Empty)
    def conflict(self, caller):
        raise Conflict("It is taken.", fields={"title": ["Is taken already."]}, legal=["confirmed"])

    @operation(permission=ANYONE, arguments=Empty)
    def bug(self, caller):
        self.executed.append("bug")
        raise KeyError("the secret of the house")

    @operation(permission=ANYONE, arguments=Empty)
    def hang_up(self, caller):
        """Raises what is no Exception, as a bare `eventlet.Timeout` would."""
        raise eventlet.Timeout(0.001)

    @operation(permission=ANYONE, arguments=Empty)
    def fail(self, caller):
        """Raises what the tests want."""
        self.executed.append("fail")
        raise FAULTS[0]

    @operation(permission=ANYONE, arguments=Empty, result=Said)
    def unsendable(self, caller):
        return {"text": "\ud800"}


class Handled:
    """What the handler of `HistoryService` saw, and how it shall fail."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.fail = lambda _events: None
        self.gate = threading.Event()
        self.gate.set()

    @property
    def ids(self) -> list[UUID]:
        return [event.id for batch in self.batches for event in batch]


HANDLED = Handled()


class HistoryService:
    """Hears reports as the reports service does, but only remembers them."""

    name = "history_sample"

    @subscribe(HISTORY)
    def record(self, events):
        HANDLED.gate.wait()
        HANDLED.fail(events)
        HANDLED.batches.append(list(events))


def settings(uri: str, **changed: Any) -> Settings:
    return Settings(
        **{"database_urls": {}, "administration_url": "", "amqp_uri": uri, "stop_grace": 5.0} | changed
    )


@contextmanager
def serving(uri: str, *services: type, **changed: Any):
    """Runs services in this process until the block ends."""
    runtime = Runtime(services, settings(uri, **changed))
    EchoService.released.clear()
    runtime.start()
    try:
        yield runtime
    finally:
        HANDLED.gate.set()
        runtime.stop()


def token(permissions=(), user_id: UUID | None = None) -> str:
    return SIGNER.sign(user_id or uuid4(), uuid4(), {}, dict.fromkeys(permissions), version=1)


def event(
    number: int = 0, event_id: UUID | None = None, body: bytes | None = None, **headers: str
) -> Outgoing:
    """A report_created on its way; ``number`` is its version."""
    event_id = event_id or uuid4()
    data = orjson.loads(EXAMPLE.read_bytes()) | {"version": number}
    attributes = headers_of(
        service="reports",
        event_id=event_id,
        event_type="report_created",
        subject=UUID(data["report_id"]),
        sequence=number,
        time=dt.datetime.now(dt.UTC),
        correlation_id="test",
        traceparent=None,
    )
    return Outgoing(
        body=orjson.dumps(data) if body is None else body,
        exchange=exchange_of("reports"),
        routing_key="report_created",
        headers=attributes | headers,
        message_id=str(event_id),
    )


def publish(uri: str, messages: list[Outgoing]) -> None:
    """Publishes and waits for the broker's confirms."""
    publisher = ConfirmedPublisher(uri, "test")
    publisher.start()
    try:
        publisher.publish(messages)
    finally:
        publisher.stop()
