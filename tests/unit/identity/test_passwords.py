"""Hashes that verify, guesses that do not, and time that tells nothing."""

import time

import eventlet
import pytest

from services.identity.passwords import PasswordHasher
from shared.errors import Unavailable


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


def test_who_waits_too_long_for_a_turn_is_told_so(monkeypatch):
    monkeypatch.setattr("services.identity.passwords.LONGEST_WAIT", 0.05)
    hasher = PasswordHasher(cost=12, at_once=1)
    first = eventlet.spawn(hasher.hash, "correct horse")
    eventlet.sleep(0.01)
    with pytest.raises(Unavailable):
        hasher.hash("battery staple")
    assert hasher.verify("correct horse", first.wait())
