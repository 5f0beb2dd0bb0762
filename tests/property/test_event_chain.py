"""Outbox, relay, queue, handler, history: whatever crashes, repeats or overtakes, every change is told exactly once.

The relay and the subscriber are the real ones. The database, the broker and the process are models: of the
database what a transaction promises, of the broker that it keeps what it has confirmed and redelivers what was not
acknowledged, of the process that it may die between any two steps.
"""

import datetime as dt
import itertools
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar
from uuid import UUID

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import shared.domain
from shared.client.errors import Unavailable
from shared.domain.reports import DUPLICATE, PENDING, STATUS
from shared.domain.topology import dead_queue_of
from shared.platform.outbox.relay import Relay
from shared.platform.outbox.subscribe import RUN_SECONDS, Subscriber
from shared.platform.settings import MEMORY_BROKER

QUEUE = "reports.history"
EXAMPLE = orjson.loads(
    (Path(shared.domain.__file__).parent / "examples/reports/report_status_changed.json").read_bytes()
)


class Died(BaseException):
    """The process was killed here."""


@dataclass
class Store:
    """What PostgreSQL keeps: rows appear when their transaction commits, in whatever order that happens."""

    outbox: dict[int, SimpleNamespace] = field(default_factory=dict)
    history: dict[UUID, tuple[UUID, int, str]] = field(default_factory=dict)
    numbers: itertools.count = field(default_factory=itertools.count)


class Transaction:
    """One connection of the relay; it knows the relay's statements by their identity."""

    def __init__(self, store, statements):
        self._store = store
        self._statements = statements
        self._removed: set[int] = set()

    def execute(self, statement, values=None):
        if statement is self._statements.anything:
            return SimpleNamespace(scalar_one=lambda: bool(self._store.outbox))
        if statement is self._statements.lock:
            return SimpleNamespace(one=lambda: SimpleNamespace(mine=True))
        if statement is self._statements.batch:
            rows = [self._store.outbox[number] for number in sorted(self._store.outbox)]
            return SimpleNamespace(all=lambda: rows[: values["limit"]])
        if statement is self._statements.remove:
            self._removed |= set(values["sent"])
        return None

    def commit(self):
        for number in self._removed:
            del self._store.outbox[number]


class Fate:
    """How many more steps the process lives; it dies on the way to the one after."""

    def __init__(self):
        self.steps = None

    def step(self):
        if self.steps is not None:
            if self.steps == 0:
                raise Died
            self.steps -= 1

    @contextmanager
    def dying_after(self, steps):
        self.steps = steps
        try:
            yield
        except Died:
            pass
        finally:
            self.steps = None


class RelayDatabase:
    def __init__(self, store, fate):
        self._store = store
        self._fate = fate
        self.statements = None

    @contextmanager
    def read(self):
        self._fate.step()
        yield Transaction(self._store, self.statements)

    @contextmanager
    def transaction(self):
        self._fate.step()
        transaction = Transaction(self._store, self.statements)
        yield transaction
        self._fate.step()
        transaction.commit()
        self._fate.step()


class Broker:
    """One queue and its dead queue. What was handed out and not acknowledged is the first again."""

    def __init__(self):
        self.queue: list[SimpleNamespace] = []
        self.dead: list[SimpleNamespace] = []

    def take(self, outgoing):
        message = SimpleNamespace(
            body=outgoing.body,
            headers=outgoing.headers,
            properties={"message_id": outgoing.message_id},
            delivery_info={"exchange": outgoing.exchange, "routing_key": outgoing.routing_key},
        )
        (self.dead if outgoing.routing_key == dead_queue_of(QUEUE) else self.queue).append(message)


class Publisher:
    """Publishes one by one and then has them confirmed; the process may die, or the confirm fail, anywhere."""

    def __init__(self, broker, fate):
        self._broker = broker
        self._fate = fate
        self.unconfirmed = 0
        self.confirmed: set[str] = set()
        self.returned: set[str] = set()

    def publish(self, messages):
        self.confirmed.clear()
        for message in messages:
            self._fate.step()
            self._broker.take(message)
        if self.unconfirmed:
            self.unconfirmed -= 1
            raise Unavailable
        self.confirmed |= {message.message_id for message in messages}
        self._fate.step()
        return self.returned


class Routes:
    """Every queue that has to hear an event is bound."""

    def missing(self, _event_types):
        return {}


class Reader:
    def __init__(self, broker, fate):
        self._broker = broker
        self._fate = fate

    def release(self):
        """Called after a run that stood for longer than its limit; here none does."""

    def acknowledge(self, message, *, count=1):
        self._fate.step()
        last = next(place for place, one in enumerate(self._broker.queue) if one is message)
        del self._broker.queue[last + 1 - count : last + 1]
        self._fate.step()


class Patient:
    """Stands for the event that wakes who waits; here nobody has to wait."""

    def wait(self, _seconds):
        return False


class Container:
    """Runs the handler as nameko would, in one step."""

    config: ClassVar = {"SETTINGS": SimpleNamespace(amqp_uri=MEMORY_BROKER)}

    def __init__(self, handle):
        self._handle = handle

    def spawn_worker(self, _entrypoint, args, _kwargs, context_data, handle_result):
        try:
            self._handle(*args)
        except Exception as error:  # noqa: BLE001 - returned, as `subscribe` does
            handle_result(None, error, None)
        else:
            handle_result(None, None, None)


class Chain(RuleBasedStateMachine):
    """Reports change, and the news of it travels."""

    @initialize()
    def begin(self):
        self.store, self.broker, self.fate = Store(), Broker(), Fate()
        self.ids = itertools.count(1)
        self.reports: dict[UUID, list[str]] = {}
        self.late: dict[UUID, SimpleNamespace] = {}
        self.poisonous: set[UUID] = set()
        self.cured: set[UUID] = set()
        self.troubles = 0

        database = RelayDatabase(self.store, self.fate)
        self.relay = Relay("reports", database, MEMORY_BROKER, 1.0)
        database.statements = self.relay._statements
        self.publisher = self.relay._publisher = Publisher(self.broker, self.fate)
        self.relay._routes = Routes()

        self.subscriber = Subscriber(QUEUE, 10, RUN_SECONDS)
        self.subscriber.container = Container(self.handle)
        self.subscriber.setup()
        self.subscriber._reader = Reader(self.broker, self.fate)
        self.subscriber._dead_letter_publisher = Publisher(self.broker, self.fate)
        self.subscriber._stopping = Patient()

    def handle(self, events, _work_on):
        """The handler of the history: one transaction, nothing twice."""
        self.fate.step()
        if self.troubles:
            self.troubles -= 1
            raise Unavailable
        if any(event.id in self.poisonous - self.cured for event in events):
            raise ValueError("poison")
        taken = {(report_id, version) for report_id, version, _ in self.store.history.values()}
        for event in events:
            if event.id not in self.store.history and (event.subject, event.sequence) not in taken:
                self.store.history[event.id] = (event.subject, event.sequence, event.data["status"])
        self.fate.step()

    # --- what people do ---

    @rule(slow=st.booleans())
    def file(self, slow):
        """A report is filed; a slow transaction has its number and is not yet seen."""
        report_id = self.new_id()
        self.reports[report_id] = []
        self.emit(report_id, PENDING, slow=slow)

    @precondition(lambda self: self.reports)
    @rule(data=st.data(), slow=st.booleans(), poisonous=st.sampled_from([False] * 9 + [True]))
    def change(self, data, slow, poisonous):
        report_id = data.draw(st.sampled_from(sorted(self.reports)))
        if report_id in self.late:
            return  # its row is locked
        onward = [status for status in STATUS.moves[self.reports[report_id][-1]] if status != DUPLICATE]
        if onward:
            event_id = self.emit(report_id, data.draw(st.sampled_from(onward)), slow=slow)
            if poisonous:
                self.poisonous.add(event_id)

    def new_id(self):
        """The same in every run, as hypothesis needs it."""
        return UUID(int=next(self.ids))

    def emit(self, report_id, status, *, slow):
        self.reports[report_id].append(status)
        number, version = next(self.store.numbers), len(self.reports[report_id])
        facts = {"report_id": report_id, "status": status, "version": version}
        row = SimpleNamespace(
            seq=number,
            id=self.new_id(),
            type="report_status_changed",
            subject=report_id,
            sequence=version,
            data=orjson.dumps(EXAMPLE | facts).decode(),
            occurred_at=dt.datetime.now(dt.UTC),
            correlation_id=None,
            traceparent=None,
            size=0,
        )
        if slow:
            self.late[report_id] = row
        else:
            self.store.outbox[number] = row
        return row.id

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def commit_late(self, data):
        row = self.late.pop(data.draw(st.sampled_from(sorted(self.late))))
        self.store.outbox[row.seq] = row

    # --- what the processes do, and what befalls them ---

    @rule(steps=st.none() | st.integers(0, 12), unconfirmed=st.booleans())
    def carry(self, steps, unconfirmed):
        """The relay carries a batch, and dies after some steps, or the broker does not confirm."""
        self.publisher.unconfirmed = int(unconfirmed)
        with self.fate.dying_after(steps), suppress(Unavailable):
            self.relay.carry()
        self.publisher.unconfirmed = 0

    @precondition(lambda self: self.broker.queue)
    @rule(steps=st.none() | st.integers(0, 30), size=st.integers(1, 10), troubles=st.integers(0, 3))
    def deliver(self, steps, size, troubles):
        """The subscriber gets a batch, and dies after some steps, or the database is away for a while."""
        self.troubles = troubles
        with self.fate.dying_after(steps):
            self.subscriber._handle(self.broker.queue[:size])
        self.troubles = 0

    @precondition(lambda self: self.broker.queue)
    @rule(data=st.data())
    def repeat_a_message(self, data):
        place = data.draw(st.integers(0, len(self.broker.queue) - 1))
        self.broker.queue.append(SimpleNamespace(**vars(self.broker.queue[place])))

    @precondition(lambda self: len(self.broker.queue) > 1)
    @rule(random=st.randoms(use_true_random=False))
    def shuffle(self, random):
        random.shuffle(self.broker.queue)

    @precondition(lambda self: self.broker.dead)
    @rule()
    def cure_and_replay(self):
        """An operator mends what was wrong with a dead letter and gives it back."""
        letter = self.broker.dead.pop(0)
        self.cured.add(UUID(letter.properties["message_id"]))
        self.broker.queue.append(letter)

    # --- what holds ---

    def changes(self):
        return {
            (report_id, version, status)
            for report_id, statuses in self.reports.items()
            for version, status in enumerate(statuses, 1)
        }

    @invariant()
    def nothing_is_told_twice_or_invented(self):
        told = list(self.store.history.values())
        assert len({(report_id, version) for report_id, version, _ in told}) == len(told)
        assert set(told) <= self.changes()

    @invariant()
    def every_change_is_somewhere(self):
        somewhere = {entry[:2] for entry in self.store.history.values()}
        somewhere |= {
            (row.subject, row.sequence) for row in (*self.store.outbox.values(), *self.late.values())
        }
        somewhere |= {
            (UUID(message.headers["cloudEvents_subject"]), int(message.headers["cloudEvents_sequence"]))
            for message in (*self.broker.queue, *self.broker.dead)
        }
        assert {change[:2] for change in self.changes()} <= somewhere

    @invariant()
    def only_poison_is_dead(self):
        assert {UUID(letter.properties["message_id"]) for letter in self.broker.dead} <= self.poisonous

    def teardown(self):
        """When nothing breaks any more, everything comes to its end; poison waits in the dead queue."""
        while self.late:
            _, row = self.late.popitem()
            self.store.outbox[row.seq] = row
        while self.relay.carry() or self.store.outbox:
            pass
        while self.broker.queue:
            self.subscriber._handle(self.broker.queue[:10])
        self.every_change_is_somewhere()
        told = set(self.store.history.values())
        poisoned = {
            (UUID(letter.headers["cloudEvents_subject"]), int(letter.headers["cloudEvents_sequence"]))
            for letter in self.broker.dead
        }
        # a cured letter may have been told while a second copy of it still lies there
        assert {change for change in self.changes() - told if change[:2] not in poisoned} == set()
        assert self.store.outbox == {}


Chain.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestChain = Chain.TestCase
