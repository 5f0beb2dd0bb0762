"""Every process learns what is revoked: at once, when it starts, after a break, and also without a queue."""

import datetime as dt
from contextlib import contextmanager
from typing import ClassVar
from uuid import UUID, uuid4

import orjson
import pytest
from marshmallow import fields

from shared.client.errors import Forbidden, Unauthenticated, Unavailable
from shared.client.rpc import RpcClient
from shared.domain import topology
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from shared.platform.amqp.declare import declare_everything
from shared.platform.rpc import revocation_feed, revocations
from shared.platform.rpc.operation import ANYONE, SIGNED_IN, operation
from shared.platform.rpc.verification import OwnsKeys
from shared.platform.schemas import Empty, Page, Result, page_of
from tests.integration.shared.samples import SIGNER, Said, serving
from tests.support.waiting import eventually

HOUR = 3600.0


class Listed(Result):
    scope = fields.String()
    subject_id = fields.String()
    version = fields.Integer()
    role = fields.String(allow_none=True)
    reason = fields.String()
    revoked_at = fields.String()


class Authority(Result):
    roles = fields.List(fields.String())
    permissions = fields.Dict()


class FormerIdentity(OwnsKeys):
    """Stands for an identity of before: it lists nothing."""

    name = "identity"

    @staticmethod
    def own_keys(_settings):
        return SIGNER.jwks()

    @operation(permission=ANYONE, arguments=Empty, result=type("Keys", (Result,), {"keys": fields.Raw()}))
    def get_jwks(self, caller):
        return SIGNER.jwks()

    account: ClassVar[dict] = {}

    @operation(
        permission=SIGNED_IN, arguments=Empty, result=type("Me", (Authority,), {"is_active": fields.Raw()})
    )
    def get_me(self, caller):
        return self.account


class Identity(FormerIdentity):
    """Stands for identity: it lists what a test revokes, and says what a caller may."""

    listed: ClassVar[list] = []
    looks: ClassVar[list] = []
    authority: ClassVar[dict] = {}
    faults: ClassVar[list] = []
    refusals: ClassVar[list] = []

    @operation(permission=ANYONE, arguments=Page, result=page_of(Listed))
    def list_revocations(self, caller, cursor, limit):
        self.looks.append(cursor)
        if self.faults:
            raise self.faults[0]
        start = int(cursor or 0)
        end = start + 2
        return {
            "items": self.listed[start:end],
            "next_cursor": str(end) if end < len(self.listed) else None,
        }

    @operation(permission=SIGNED_IN, arguments=Empty, result=Authority)
    def get_authority(self, caller):
        if self.refusals:
            raise self.refusals[0]
        return self.authority


class Gate:
    """A service that verifies tokens as all but identity do."""

    name = "gate"
    done: ClassVar[list] = []

    @operation(permission=SIGNED_IN, arguments=Empty, result=Said)
    def whoami(self, caller):
        return {"text": str(caller.user_id)}

    @operation(permission="alert:issue", arguments=Empty, result=Said, checks_present_state=True)
    def issue(self, caller):
        self.done.append(caller)
        return {"text": ",".join(sorted(caller.roles))}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Nobody looks by itself: what a test sees was heard, or loaded because of what happened."""
    monkeypatch.setattr(revocation_feed, "RELOAD_SECONDS", HOUR)
    monkeypatch.setattr(revocation_feed, "POLL_SECONDS", HOUR)
    for state in (
        Identity.listed,
        Identity.looks,
        Identity.authority,
        Identity.faults,
        Identity.refusals,
        Gate.done,
    ):
        state.clear()


def revocation(user_id, version=2):
    return {
        "scope": "account",
        "subject_id": str(user_id),
        "version": version,
        "user_id": str(user_id),
        "role": None,
        "reason": "deactivated",
        "revoked_at": dt.datetime.now(dt.UTC).isoformat(),
    }


def token(user_id, *permissions, version=1):
    return SIGNER.sign(user_id, uuid4(), {"medic": 1}, dict.fromkeys(permissions), version=version)


@pytest.fixture
def publish(uri):
    declare_everything(uri, quorum=False)
    publisher = ConfirmedPublisher(uri, "test")
    publisher.start()

    def publishing(data):
        exchange = topology.exchange_of("identity")
        message = Outgoing(orjson.dumps(data), exchange, "access_revoked", {}, str(uuid4()))
        return publisher.publish([message])

    yield publishing
    publisher.stop()


@contextmanager
def calling(uri):
    with RpcClient(uri, timeout=5) as client:
        yield lambda method, token: client.call(f"gate.{method}", token=token, attempts=1)


def is_refused(call, method="whoami"):
    try:
        call()
    except Unauthenticated as error:
        return error.details["reason"]
    return ""


def test_what_is_revoked_is_refused_at_once_by_every_process(uri, publish):
    with serving(uri, Identity), serving(uri, Gate), calling(uri) as call:
        me, other = uuid4(), uuid4()
        mine, others = token(me), token(other)
        call("whoami", mine)
        eventually(lambda: not publish(revocation(me)), "somebody hears it")
        assert eventually(lambda: is_refused(lambda: call("whoami", mine))) == "deactivated"
        call("whoami", others)
        call("whoami", token(me, version=2))


def test_a_process_that_starts_knows_what_was_revoked_before(uri):
    declare_everything(uri, quorum=False)
    people = [uuid4() for _ in range(5)]
    Identity.listed.extend(revocation(one) for one in people)
    with serving(uri, Identity), serving(uri, Gate), calling(uri) as call:
        for one in people:
            assert is_refused(lambda: call("whoami", token(one))) == "deactivated"  # noqa: B023 - called at once
        assert Identity.looks[:3] == [None, "2", "4"], "page by page"


def test_a_process_that_cannot_load_the_list_takes_no_token_until_it_can(uri, monkeypatch):
    monkeypatch.setattr(revocations, "FIRST_WAIT", 0.2)
    declare_everything(uri, quorum=False)
    me = uuid4()
    Identity.listed.append(revocation(me))
    Identity.faults.append(Unavailable("Not now."))
    with serving(uri, Identity), serving(uri, Gate), calling(uri) as call:
        eventually(lambda: len(Identity.looks) >= 2, "it asks again by itself")
        with pytest.raises(Unavailable, match="revoked"):
            call("whoami", token(uuid4()))
        Identity.faults.clear()

        def answered():
            try:
                return is_refused(lambda: call("whoami", token(me)))
            except Unavailable:
                return ""

        assert eventually(answered, "it has the list") == "deactivated"
        call("whoami", token(uuid4()))


def test_an_identity_of_before_lists_nothing_and_holds_up_nobody(uri):
    declare_everything(uri, quorum=False)
    with serving(uri, FormerIdentity), serving(uri, Gate), calling(uri) as call:
        call("whoami", token(uuid4()))


def test_what_was_revoked_while_the_queue_did_not_exist_is_loaded_after_the_break(uri, proxy, publish):
    me = uuid4()
    with serving(uri, Identity), serving(proxy.through(uri), Gate), calling(uri) as call:
        mine = token(me)
        call("whoami", mine)
        proxy.cut()
        # The event goes to whoever hears at the moment, and is lost for the gate if that is nobody.
        Identity.listed.append(revocation(me))
        assert (
            eventually(lambda: _or_nothing(lambda: is_refused(lambda: call("whoami", mine)))) == "deactivated"
        )


def test_after_a_break_what_is_known_counts_while_the_list_cannot_be_had(uri, proxy, publish):
    me, other = uuid4(), uuid4()
    Identity.listed.append(revocation(me))
    with serving(uri, Identity), serving(proxy.through(uri), Gate), calling(uri) as call:
        assert is_refused(lambda: call("whoami", token(me)))
        Identity.faults.append(Unavailable("Not now."))
        looks = len(Identity.looks)
        proxy.cut()
        eventually(lambda: len(Identity.looks) > looks, "it asks")
        assert eventually(lambda: _or_nothing(lambda: call("whoami", token(other))), "others are served")
        assert is_refused(lambda: call("whoami", token(me))) == "deactivated"


def test_without_a_queue_the_list_is_asked_for_again_and_again(uri, monkeypatch):
    monkeypatch.setattr(revocation_feed, "POLL_SECONDS", 0.05)
    # Neither exchange nor right to bind: as for a broker user whose rights were not renewed.
    me = uuid4()
    with serving(uri, Identity), serving(uri, Gate), calling(uri) as call:
        mine = token(me)
        call("whoami", mine)
        Identity.listed.append(revocation(me))
        assert eventually(lambda: is_refused(lambda: call("whoami", mine))) == "deactivated"


def _or_nothing(call):
    try:
        return call()
    except Unavailable:
        return None


# --- the present state ---------------------------------------------------------------------------------------------


@pytest.fixture
def call(uri):
    declare_everything(uri, quorum=False)
    with serving(uri, Identity), serving(uri, Gate), calling(uri) as made:
        yield made


def test_an_operation_that_checks_the_present_state_runs_with_the_permissions_of_this_moment(call):
    region = uuid4()
    Identity.authority.update(roles=["warden"], permissions={"alert:issue": [str(region)], "*": True})
    call("issue", token(uuid4(), "alert:issue"))
    (caller,) = Gate.done
    assert caller.roles == {"warden"}
    assert caller.permissions == {"alert:issue": frozenset({region}), "*": None}
    assert isinstance(region, UUID)


@pytest.mark.parametrize("permissions", [{}, {"alert:read": True}, {"alert:issue": []}])
def test_what_has_been_withdrawn_is_refused_although_the_token_says_it(call, permissions):
    Identity.authority.update(roles=[], permissions=permissions)
    with pytest.raises(Forbidden):
        call("issue", token(uuid4(), "alert:issue"))
    assert not Gate.done


def test_who_is_refused_by_identity_is_refused(call):
    Identity.refusals.append(Unauthenticated("Closed.", reason="deactivated"))
    assert is_refused(lambda: call("issue", token(uuid4(), "alert:issue"))) == "deactivated"
    assert not Gate.done


@pytest.mark.parametrize("fault", [Unavailable("Not now."), KeyError("a fault")])
def test_while_identity_cannot_say_the_operation_is_not_run(call, fault):
    mine = token(uuid4(), "alert:issue")
    call("whoami", mine)
    Identity.refusals.append(fault)
    with pytest.raises(Unavailable, match="present permissions"):
        call("issue", mine)
    assert not Gate.done
    call("whoami", mine)


@pytest.mark.parametrize(
    ("account", "outcome"),
    [
        ({"is_active": True, "permissions": {"alert:issue": True}, "roles": ["medic", "asleep"]}, "medic"),
        ({"is_active": True, "permissions": {}, "roles": []}, Forbidden),
        ({"is_active": False, "permissions": {"alert:issue": True}, "roles": ["medic"]}, Unauthenticated),
    ],
)
def test_an_identity_of_before_is_asked_for_the_account(uri, account, outcome):
    declare_everything(uri, quorum=False)
    FormerIdentity.account.clear()
    FormerIdentity.account.update(account)
    with serving(uri, FormerIdentity), serving(uri, Gate), calling(uri) as call:
        mine = token(uuid4(), "alert:issue")
        if isinstance(outcome, str):
            assert call("issue", mine) == {"text": outcome}
        else:
            with pytest.raises(outcome):
                call("issue", mine)


@pytest.mark.parametrize(
    "said", [{}, {"roles": [], "permissions": {"a": 7}}, {"roles": [], "permissions": None}]
)
def test_an_answer_that_cannot_be_read_is_none(call, said):
    Identity.authority.update(said)
    with pytest.raises(Unavailable, match="present permissions"):
        call("issue", token(uuid4(), "alert:issue"))
    assert not Gate.done


def test_who_has_no_permission_by_the_token_costs_identity_nothing(call):
    Identity.refusals.append(KeyError("it was asked"))
    with pytest.raises(Forbidden):
        call("issue", token(uuid4(), "report:read"))
