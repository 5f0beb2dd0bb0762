"""Hashes that verify, guesses that do not, and time that tells nothing."""

import time

import eventlet
import eventlet.event
import pytest
from eventlet.queue import Queue

from services.identity.password_hashing import CHANGE, REGISTRATION, SIGN_IN, PasswordHasher
from services.identity.users import register_user
from shared.client import deadline
from shared.client.errors import RateLimited


@pytest.fixture(scope="module")
def hasher():
    return PasswordHasher(cost=4)


def test_a_password_verifies_against_its_hash_alone(hasher):
    stored = hasher.hash("correct horse")
    assert hasher.verify("correct horse", stored)
    assert not hasher.verify("correct house", stored)
    assert stored != hasher.hash("correct horse")


def test_without_a_hash_nothing_verifies(hasher):
    assert not hasher.verify("correct horse", None)


def test_a_longer_password_with_the_same_beginning_is_another_one(hasher):
    stored = hasher.hash("x1y2" * 18)
    assert not hasher.verify("x1y2" * 18 + "more", stored)


def test_a_hash_of_another_cost_is_outdated(hasher):
    stored = PasswordHasher(cost=5).hash("correct horse")
    assert hasher.verify("correct horse", stored)
    assert hasher.is_outdated(stored)
    assert not hasher.is_outdated(hasher.hash("correct horse"))


def test_an_unknown_account_takes_as_long_as_a_wrong_password():
    hasher = PasswordHasher(cost=9)
    stored = hasher.hash("correct horse")

    def fastest(against):
        # Of the processor, not of the clock: other work on the machine does not count.
        times = []
        for _ in range(5):
            began = time.process_time()
            hasher.verify("a wrong guess", against)
            times.append(time.process_time() - began)
        return min(times)

    known, unknown = fastest(stored), fastest(None)
    assert 0.5 < known / unknown < 2


def test_hashing_does_not_stop_the_other_greenlets():
    hasher = PasswordHasher(cost=11)
    ticks = 0

    def tick():
        nonlocal ticks
        while True:
            eventlet.sleep(0.005)
            ticks += 1

    ticking = eventlet.spawn(tick)
    hasher.hash("correct horse")
    ticking.kill()
    assert ticks >= 3


class Bench:
    """Work that runs until it is let end, and says in which order it began."""

    def __init__(self, monkeypatch, at_once):
        self.hasher = PasswordHasher(cost=4, at_once=at_once)
        self.began = Queue()
        self.ends = {}
        monkeypatch.setattr("services.identity.password_hashing.run_blocking", lambda work: work())

    def spawn(self, name, queue):
        end = self.ends[name] = eventlet.event.Event()

        def work():
            self.began.put(name)
            end.wait()
            return name

        def ask():
            try:
                return self.hasher._in_turn(queue, work)
            except RateLimited as refusal:
                return refusal

        running = eventlet.spawn(ask)
        eventlet.sleep(0)  # it stands in its queue, or works
        return running

    def next(self):
        return self.began.get(timeout=30)

    def end(self, name):
        self.ends[name].send(None)


def test_who_waits_too_long_for_a_turn_is_told_so(monkeypatch):
    monkeypatch.setattr("services.identity.password_hashing.MAX_WAIT", 0.05)
    bench = Bench(monkeypatch, at_once=1)
    first = bench.spawn("first", SIGN_IN)
    with pytest.raises(RateLimited) as refusal:
        bench.hasher.hash("battery staple")
    assert refusal.value.details["retry_after"] > 0
    bench.end("first")
    assert first.wait() == "first"
    assert bench.hasher.verify("battery staple", bench.hasher.hash("battery staple"))


def test_nobody_waits_for_longer_than_their_caller_does(monkeypatch):
    bench = Bench(monkeypatch, at_once=1)
    bench.spawn("first", SIGN_IN)
    with deadline.within(0), pytest.raises(RateLimited):
        bench.hasher.hash("battery staple")


def test_thirty_registrations_at_once_leave_room_for_sign_ins(monkeypatch):
    bench = Bench(monkeypatch, at_once=2)
    registering = [bench.spawn(f"registration {number}", REGISTRATION) for number in range(30)]
    assert bench.next() == "registration 0"
    bench.spawn("sign-in", SIGN_IN)
    assert bench.next() == "sign-in"  # beside the one registration that works
    refused = [one.wait() for one in registering[1 + REGISTRATION.max_waiting :]]
    assert len(refused) == 30 - 1 - REGISTRATION.max_waiting
    assert {str(refusal) for refusal in refused} == {
        "There are too many registrations at the moment. Try again in a few seconds."
    }
    with pytest.raises(RateLimited):  # before the database is asked for anything
        register_user(
            None,
            None,
            bench.hasher,
            {"password": "correct horse", "email": "a@x.example", "roles": ["reporter"], "address": None},
        )
    bench.hasher.refuse_full(SIGN_IN)
    bench.spawn("second sign-in", SIGN_IN)
    bench.end("registration 0")
    assert bench.next() == "second sign-in"
    bench.end("sign-in")
    assert bench.next() == "registration 1"


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_sign_ins_come_first_then_changes_then_registrations(monkeypatch, at_once):
    bench = Bench(monkeypatch, at_once)
    for number in range(at_once):
        bench.spawn(f"sign-in {number}", SIGN_IN)
        bench.next()
    bench.spawn("registration", REGISTRATION)
    bench.spawn("change", CHANGE)
    bench.spawn("sign-in", SIGN_IN)
    bench.end("sign-in 0")
    assert bench.next() == "sign-in"
    bench.end("sign-in")
    assert bench.next() == "change"
    bench.end("change")
    assert bench.next() == "registration"


def test_who_is_stopped_while_waiting_takes_nobodys_turn(monkeypatch):
    bench = Bench(monkeypatch, at_once=1)
    bench.spawn("first", SIGN_IN)
    bench.next()
    stopped = [bench.spawn(f"stopped {number}", SIGN_IN) for number in range(3)]
    bench.spawn("last", SIGN_IN)
    stopped[0].kill()
    bench.end("first")  # calls the second of them
    stopped[1].kill()
    stopped[2].kill()
    assert bench.next() == "last"


def test_a_failure_gives_its_turn_back():
    hasher = PasswordHasher(cost=4, at_once=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="salt"):
            hasher.verify("correct horse", "$2b$broken")
    assert hasher.hash("correct horse")
