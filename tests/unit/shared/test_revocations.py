"""Which tokens are refused before they expire, and what is held of it."""

import threading
from dataclasses import replace
from itertools import product
from random import Random
from uuid import UUID, uuid4

import pytest

from shared.client import deadline
from shared.client.errors import Unauthenticated, Unavailable
from shared.platform.rpc import revocations as module
from shared.platform.rpc.context import Caller, Signed
from shared.platform.rpc.revocations import (
    ACCOUNT,
    LEEWAY,
    ROLE,
    SESSION,
    Revocation,
    Revocations,
    revocation_of,
)

NOW = 1_800_000_000.0
ME, SOMEBODY = uuid4(), uuid4()
HERE = str(uuid4())


def caller(*, user=ME, session=HERE, version=5, roles=None, issued_at=NOW):
    roles = {"medic": 3} if roles is None else roles
    return Caller(user, frozenset(roles), {}, "", "", session, Signed(issued_at, version, roles))


def by_an_earlier_identity(issued_at):
    return replace(caller(), signed=Signed(issued_at, None, {}))


def revocation(scope, subject, version=1, *, reason="role_revoked", at=NOW):
    return Revocation(scope, str(subject), version, reason, at)


def holding(*held, **options):
    made = Revocations(**options)
    made.load(iter(sorted(held, key=lambda one: -one.revoked_at)))
    return made


@pytest.mark.parametrize(
    ("held", "is_refused"),
    [
        (revocation(ACCOUNT, ME, 6), True),
        (revocation(ACCOUNT, ME, 5), False),
        (revocation(ACCOUNT, SOMEBODY, 6), False),
        (revocation(SESSION, HERE), True),
        (revocation(SESSION, uuid4()), False),
        (revocation(ROLE, "medic", 4), True),
        (revocation(ROLE, "medic", 3), False),
        (revocation(ROLE, "warden", 9), False),
    ],
)
def test_a_token_is_refused_that_was_signed_before_the_change(held, is_refused):
    found = holding(held)
    if is_refused:
        with pytest.raises(Unauthenticated) as refused:
            found.check(caller())
        assert refused.value.details == {"reason": "role_revoked"}
    else:
        found.check(caller())
    assert found.reason_to_refuse(caller()) == ("role_revoked" if is_refused else "")


@pytest.mark.parametrize(("scope", "subject"), [(ACCOUNT, ME), (ROLE, "medic")])
@pytest.mark.parametrize(("seconds", "is_refused"), [(-60, True), (LEEWAY, True), (LEEWAY + 1, False)])
def test_a_token_without_versions_is_judged_by_its_time(scope, subject, seconds, is_refused):
    found = holding(revocation(scope, subject, 9))
    assert bool(found.reason_to_refuse(by_an_earlier_identity(NOW + seconds))) == is_refused


def test_a_token_that_is_signed_after_the_change_is_accepted_whatever_the_clocks_say():
    found = holding(revocation(ACCOUNT, ME, 5, at=NOW + 3600), revocation(ROLE, "medic", 3, at=NOW + 3600))
    found.check(caller())


def test_what_was_deactivated_is_told_so():
    with pytest.raises(Unauthenticated, match="has been deactivated"):
        holding(revocation(ACCOUNT, ME, 6, reason="deactivated")).check(caller())


def test_the_newest_of_an_account_counts_in_whatever_order_they_come():
    for order in ((6, 4), (4, 6)):
        found = holding()
        for version in order:
            found.add(revocation(ACCOUNT, ME, version))
        assert found.reason_to_refuse(caller(version=5))
        assert not found.reason_to_refuse(caller(version=6))
        assert len(found) == 1


def test_what_is_heard_while_the_list_is_read_stays():
    found = Revocations()

    def listed():
        found.add(revocation(ACCOUNT, ME, 6))
        yield revocation(ACCOUNT, SOMEBODY, 2)

    found.load(listed())
    assert found.reason_to_refuse(caller())
    assert len(found) == 2
    found.load(iter([revocation(ACCOUNT, SOMEBODY, 2)]))
    assert not found.reason_to_refuse(caller()), "what the list no longer has is forgotten"


def test_a_list_that_breaks_off_changes_nothing():
    found = holding(revocation(ACCOUNT, ME, 6))

    def listed():
        yield revocation(ACCOUNT, SOMEBODY, 2)
        raise Unavailable

    with pytest.raises(Unavailable):
        found.load(listed())
    assert found.reason_to_refuse(caller())
    found.add(revocation(ROLE, "warden", 2))
    assert len(found) == 2


def test_watchers_are_told_of_each_change_and_of_nothing_else():
    found, told = holding(), []
    found.watchers.append(lambda: told.append(len(found)))
    found.add(revocation(ACCOUNT, ME, 6))
    found.add(revocation(ACCOUNT, ME, 6))
    found.load(iter([revocation(ACCOUNT, ME, 6)]))
    assert told == [1]
    found.load(iter([revocation(ACCOUNT, ME, 7)]))
    assert told == [1, 1]


@pytest.mark.parametrize("by_list", [True, False])
def test_more_than_can_be_held_refuse_all_that_is_as_old(by_list):
    many = [revocation(ACCOUNT, uuid4(), 2, at=NOW + number) for number in range(11)]
    found = holding(max_revocations=10) if not by_list else holding(*many, max_revocations=10)
    for one in () if by_list else many:
        found.add(one)
    assert len(found) == 5
    assert found.reason_to_refuse(caller(user=SOMEBODY, issued_at=NOW + 5 + LEEWAY))
    assert not found.reason_to_refuse(caller(user=SOMEBODY, issued_at=NOW + 6 + LEEWAY))
    for one in many:
        older = caller(user=UUID(one.subject), version=1, issued_at=one.revoked_at)
        assert found.reason_to_refuse(older), "nothing is accepted for want of room"
    found.load(iter(many[:1]))
    assert not found.reason_to_refuse(caller(user=SOMEBODY)), "until the list is short again"


def test_before_the_first_list_a_token_waits_and_is_then_refused_for_the_time_being(monkeypatch):
    monkeypatch.setattr(module, "FIRST_WAIT", 0.01)
    found = Revocations()
    found.settle()
    with pytest.raises(Unavailable):
        found.check(caller())


def test_a_token_that_waits_is_judged_by_the_first_list():
    found, outcome = Revocations(), []

    def check():
        try:
            found.check(caller())
        except Unauthenticated as error:
            outcome.append(error.details["reason"])

    waiting = threading.Thread(target=check)
    waiting.start()
    found.load(iter([revocation(ACCOUNT, ME, 6)]))
    waiting.join()
    assert outcome == ["role_revoked"]


def test_nobody_waits_for_longer_than_the_caller():
    found = Revocations()
    with deadline.within(0), pytest.raises(Unavailable):
        found.check(caller())


def test_after_an_interruption_tokens_are_judged_by_what_is_known_when_the_list_cannot_be_had(monkeypatch):
    monkeypatch.setattr(module, "WAIT", 3600.0)
    found = holding(revocation(ACCOUNT, ME, 6))
    found.unsettle()
    assert not found.is_settled
    found.settle()
    with pytest.raises(Unauthenticated):
        found.check(caller())
    found.check(caller(user=SOMEBODY))


def test_an_event_is_read():
    data = {
        "scope": "role",
        "subject_id": str(uuid4()),
        "version": 4,
        "user_id": None,
        "role": "medic",
        "reason": "permissions_changed",
        "revoked_at": "2027-01-15T08:00:00+00:00",
    }
    assert revocation_of(data) == Revocation(ROLE, "medic", 4, "permissions_changed", NOW)
    for spoilt in ({}, {**data, "version": "x"}, {**data, "revoked_at": "yesterday"}):
        with pytest.raises((LookupError, ValueError)):
            revocation_of(spoilt)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_in_whatever_order_as_often_as_it_likes_the_same_tokens_are_refused(seed):
    chance = Random(seed)
    subjects = [(ACCOUNT, ME), (ACCOUNT, SOMEBODY), (SESSION, HERE), (ROLE, "medic"), (ROLE, "warden")]
    happened = [revocation(*chance.choice(subjects), chance.randrange(1, 8)) for _ in range(30)]
    cut = chance.randrange(31)
    found = Revocations()

    def listed():
        late = [*happened[cut:], *chance.choices(happened, k=5)]
        chance.shuffle(late)
        known = list(happened[:cut])
        chance.shuffle(known)
        for one in known:
            if late and chance.random() < 0.5:
                found.add(late.pop())
            yield one
        for one in late:
            found.add(one)

    found.load(listed())
    for user, session, version, medic in product((ME, SOMEBODY), (HERE, ""), range(8), range(8)):
        one = caller(user=user, session=session, version=version, roles={"medic": medic})
        expected = any(
            (held.scope, held.subject) == (SESSION, session)
            or ((held.scope, held.subject) == (ACCOUNT, str(user)) and version < held.version)
            or ((held.scope, held.subject) == (ROLE, "medic") and medic < held.version)
            for held in happened
        )
        assert bool(found.reason_to_refuse(one)) == expected
