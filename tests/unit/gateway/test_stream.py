"""Who hears what, from where on, and when a stream ends."""

import itertools
import json
import random
import time
from uuid import UUID, uuid4

import eventlet
import jwt
import pytest

from services.gateway.live import broadcast as broadcasting
from services.gateway.live import frames
from services.gateway.live.audiences import AUDIENCES, BY_TYPE, Hearing
from services.gateway.live.broadcast import Broadcast
from services.gateway.live.recent import OVERLAP_SECONDS, Heard, RecentEvents
from services.gateway.live.region_parents import RETRY_SECONDS
from shared.client.errors import Unavailable
from shared.client.events import PREFIX
from shared.domain import CONTRACTS
from shared.domain.permissions import PERMISSIONS
from shared.platform.rpc.context import Caller
from shared.platform.rpc.operation import SIGNED_IN
from tests.support.gateway import application
from tests.support.waiting import ends, eventually

ME, SOMEBODY, HERE, THERE = (UUID(int=number) for number in range(1, 5))
REPORT, RESOURCE = "report_created", "resource_created"


def person(**permissions):
    """Somebody with these permissions, ``report_read={HERE}`` or ``report_read=None`` for everywhere."""
    granted = {name.replace("_", ":", 1): where for name, where in permissions.items()}
    return Caller(ME, frozenset(), granted, "", "")


def hearing(caller, types=(), regions=()):
    return Hearing(caller, frozenset(types), frozenset(regions))


def heard(event_type=REPORT, region_id=HERE, user_id=SOMEBODY, size=0):
    event_id = str(uuid4())
    return Heard(event_id, event_type, region_id, user_id, f"id: {event_id}\n\n".encode() + b"x" * size)


# --- the table ----------------------------------------------------------------------------------------------------


def test_every_event_of_ours_stands_in_the_table_and_nothing_else():
    listed = {(service, name) for service, types in AUDIENCES.items() for name in types}
    assert listed == CONTRACTS.keys()
    assert len(BY_TYPE) == len(listed)


def test_the_table_names_permissions_that_there_are():
    for audience in BY_TYPE.values():
        assert audience.permission in {*PERMISSIONS, SIGNED_IN}
        assert audience.own_permission in {*PERMISSIONS, SIGNED_IN, ""}


def test_what_needs_a_region_and_is_told_to_be_in_one_has_it_in_its_contract():
    for (_, name), contract in CONTRACTS.items():
        if BY_TYPE[name].regional:
            assert "region_id" in contract.schema().fields
        if BY_TYPE[name].own_permission:
            assert "user_id" in contract.schema().fields


@pytest.mark.parametrize("event_type", sorted(BY_TYPE))
def test_who_has_no_permission_hears_only_what_everybody_may(event_type):
    nobody = hearing(person())
    for_everybody = BY_TYPE[event_type].permission == SIGNED_IN
    assert nobody.hears(event_type, HERE, SOMEBODY) == for_everybody
    administrator = hearing(Caller(ME, frozenset(), {"*": None}, "", ""))
    assert administrator.hears(event_type, HERE, SOMEBODY)


def test_an_unknown_type_is_told_to_nobody():
    assert not hearing(Caller(ME, frozenset(), {"*": None}, "", "")).hears("made_up", HERE, ME)


def test_a_permission_in_one_region_is_of_no_use_in_another():
    listener = hearing(person(report_read=frozenset({HERE})))
    assert listener.hears(REPORT, HERE, SOMEBODY)
    assert not listener.hears(REPORT, THERE, SOMEBODY)
    assert not listener.hears(REPORT, THERE, ME)
    assert not listener.hears(REPORT, None, SOMEBODY)
    assert not listener.hears(RESOURCE, HERE, SOMEBODY)


def test_a_permission_everywhere_does_not_help_an_event_without_its_region():
    assert not hearing(person(report_read=None)).hears(REPORT, None, SOMEBODY)


def test_one_hears_of_ones_own_reports_and_not_of_others():
    listener = hearing(person(report_read_own=None))
    assert listener.hears(REPORT, HERE, ME)
    assert not listener.hears(REPORT, HERE, SOMEBODY)
    assert not listener.hears(REPORT, HERE, None)
    assert not listener.hears("report_comment_added", HERE, ME)
    narrowed = hearing(person(report_read_own=frozenset({HERE})))
    assert narrowed.hears(REPORT, HERE, ME)
    assert not narrowed.hears(REPORT, THERE, ME)


def test_one_hears_of_ones_own_account_and_of_others_with_the_permission():
    assert hearing(person()).hears("role_granted", None, ME)
    assert not hearing(person()).hears("role_granted", None, SOMEBODY)
    assert hearing(person(user_read=None)).hears("role_granted", None, SOMEBODY)


def test_reach_is_not_for_those_who_may_only_read_alerts():
    listener = hearing(person(alert_read=None))
    assert listener.hears("alert_issued", HERE, None)
    assert not listener.hears("alert_read", HERE, SOMEBODY)
    assert not listener.hears("alert_targeted", HERE, None)


def test_filters_only_take_away():
    everything = person(report_read=None, resource_read=frozenset({HERE}))
    only_types = hearing(everything, types=[REPORT])
    assert only_types.hears(REPORT, THERE, SOMEBODY)
    assert not only_types.hears(RESOURCE, HERE, SOMEBODY)
    only_there = hearing(everything, regions=[THERE])
    assert only_there.hears(REPORT, THERE, SOMEBODY)
    assert not only_there.hears(REPORT, HERE, SOMEBODY)
    assert not only_there.hears(RESOURCE, THERE, SOMEBODY)
    assert not only_there.hears("role_granted", None, ME)


# --- frames -------------------------------------------------------------------------------------------------------


def wire(service="reports", event_type=REPORT, **data):
    given = {"report_id": str(uuid4()), "region_id": str(HERE), "user_id": str(ME), **data}
    headers = {
        PREFIX + name: value
        for name, value in {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": service,
            "type": event_type,
            "correlationid": "secret-id",
        }.items()
    }
    return json.dumps(given).encode(), headers


def test_an_event_is_a_cloudevent_in_one_line():
    body, headers = wire(title="two\nlines\r\nevent: forged")
    event = frames.heard(body, headers, "r1")
    lines = event.frame.decode().split("\n")
    assert lines[0] == f"id: {headers[PREFIX + 'id']}.r1"
    assert lines[1] == f"event: {REPORT}"
    assert lines[3:] == ["", ""]
    assert "\r" not in event.frame.decode()
    content = json.loads(lines[2].removeprefix("data: "))
    assert content["type"] == REPORT
    assert content["data"] == json.loads(body)
    assert "secret-id" not in event.frame.decode()
    assert (event.region_id, event.user_id) == (HERE, ME)


def test_boundaries_are_left_out():
    body, headers = wire("identity", "region_updated", boundaries={"type": "Polygon"}, code="HT", version=2)
    frame = frames.heard(body, headers, "r1").frame
    assert b"boundaries" not in frame
    assert b'"code":"HT"' in frame


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _, headers: (b"{", headers),
        lambda _, headers: (b"[]", headers),
        lambda _, headers: (b'{"region_id": "x"}', headers),
        lambda _, headers: (b'{"region_id": 7}', headers),
        lambda body, _: (body, {}),
        lambda body, headers: (body, headers | {PREFIX + "type": "made_up"}),
        lambda body, headers: (body, headers | {PREFIX + "source": "resources"}),
    ],
)
def test_what_is_no_event_of_ours_is_refused(spoil):
    with pytest.raises((LookupError, ValueError, TypeError, AttributeError)):
        frames.heard(*spoil(*wire()), "r1")


# --- recent events ------------------------------------------------------------------------------------------------


def test_the_ring_is_bounded_by_number_and_by_bytes():
    ring = RecentEvents(3, 10_000)
    events = [heard() for _ in range(5)]
    for event in events:
        assert ring.add(event)
    assert (ring.first, ring.next) == (2, 5)
    assert list(ring.read(2, 10)) == events[2:]
    ring.add(heard(size=9_950))
    assert ring.next - ring.first == 1


def test_an_event_that_comes_twice_is_kept_once():
    ring, event = RecentEvents(), heard()
    assert ring.add(event)
    assert not ring.add(event)
    assert ring.next == 1


def test_one_resumes_after_what_one_saw_and_earlier_where_one_saw_it_elsewhere():
    now = [0.0]
    ring = RecentEvents(clock=lambda: now[0])
    events = [heard() for _ in range(4)]
    for event in events:
        ring.add(event)
        now[0] += OVERLAP_SECONDS / 2
    assert ring.after(events[2].id, overlap=False) == 3
    assert ring.after(events[3].id, overlap=True) == 1
    assert ring.after("made up", overlap=False) is None
    ring.clear()
    assert ring.after(events[3].id, overlap=False) is None


# --- streams ------------------------------------------------------------------------------------------------------


@pytest.fixture
def live():
    made = Broadcast(heartbeat=0.05)
    made.resume()
    return made


def listen(live, *, seconds=60.0, start="now", who=ME, permissions=None):
    listening = hearing(person(**(permissions or {"report_read": None})))
    begin = live.recent.next if start == "now" else start
    return live.listen(who, listening, seconds, begin)


def test_listeners_get_what_they_may_hear_in_order(live):
    stream = listen(live)
    assert next(stream) == frames.RETRY
    first, hidden, second = heard(), heard(RESOURCE), heard()
    for event in (first, hidden, second):
        live.send(event)
    assert next(stream) == first.frame + second.frame


def test_a_quiet_stream_has_a_heartbeat(live):
    stream = listen(live)
    assert [next(stream) for _ in range(3)] == [frames.RETRY, frames.HEARTBEAT, frames.HEARTBEAT]


def test_a_stream_whose_events_are_all_for_others_has_a_heartbeat_too(live):
    stream = listen(live)
    next(stream)

    def send():
        while True:
            live.send(heard(RESOURCE))
            eventlet.sleep(0.001)

    sender = eventlet.spawn(send)
    try:
        with ends("the wait for a heartbeat, which no event may put off"):
            assert next(stream) == frames.HEARTBEAT
    finally:
        sender.kill()


def test_a_stream_ends_with_its_token(live):
    stream = listen(live, seconds=0.12)
    *before, last = list(stream)
    assert last == frames.end("token_expired")
    assert frames.HEARTBEAT in before


def test_nothing_is_told_after_the_token_has_expired():
    now = [100.0]
    live = Broadcast(clock=lambda: now[0], heartbeat=0.05)
    live.resume()
    stream = listen(live, seconds=10)
    next(stream)
    now[0] += 11
    live.send(heard())
    assert list(stream) == [frames.end("token_expired")]


def test_a_listener_that_is_too_slow_is_told_and_dropped(live, monkeypatch):
    monkeypatch.setattr(live, "recent", RecentEvents(10))
    stream = listen(live)
    next(stream)
    for _ in range(11):
        live.send(heard())
    assert list(stream) == [frames.reset(broadcasting.SLOW)]


def test_who_cannot_resume_is_told_and_hears_what_comes(live):
    stream = listen(live, start=None)
    assert next(stream) == frames.RETRY + frames.reset(broadcasting.UNKNOWN)
    event = heard()
    live.send(event)
    assert next(stream) == event.frame


def test_after_the_broker_was_away_everybody_is_told_once(live):
    stream = listen(live)
    next(stream)
    live.send(heard())
    live.interrupt()
    assert not live.is_live
    live.resume()
    after = heard()
    assert next(stream) == frames.reset(broadcasting.GAP)
    live.send(after)
    assert next(stream) == after.frame
    assert live.recent.first == 1


def test_a_stop_ends_every_stream(live):
    streams = [listen(live) for _ in range(3)]
    for stream in streams:
        next(stream)
    rest = [eventlet.spawn(list, stream) for stream in streams]
    eventlet.sleep(0)
    live.end()
    assert [thread.wait() for thread in rest] == [[frames.end("stopping")]] * 3
    assert live.listening(ME) == 0


def test_a_listener_that_goes_is_forgotten(live):
    stream = listen(live)
    next(stream)
    assert live.listening(ME) == 1
    stream.close()
    assert live.listening(ME) == 0
    assert not live._listeners
    assert not live._accounts


def test_waiting_listeners_are_woken_and_other_work_gets_its_turn(live):
    live._heartbeat = 30
    turns, got, waiting = [], [], []

    def take():
        stream = listen(live)
        next(stream)
        waiting.append(1)
        next(stream)
        got.append(1)

    for _ in range(200):
        eventlet.spawn(take)
    eventually(lambda: len(waiting) == 200)

    def other_work():
        while len(got) < 200:
            turns.append(len(got))
            eventlet.sleep(0)

    worker = eventlet.spawn(other_work)
    live.send(heard())
    with ends("the other work"):
        worker.wait()
    assert max(later - earlier for earlier, later in itertools.pairwise(turns)) <= 50


# --- the address --------------------------------------------------------------------------------------------------


def client(live, **settings):
    def verify(token, correlation_id):
        claims = jwt.decode(token, options={"verify_signature": False})
        return Caller(ME, frozenset(), {claims["may"]: None}, token, correlation_id)

    return application(verify=verify, live=live, **settings).test_client()


def token(may="report:read", seconds=60):
    return jwt.encode({"may": may, "exp": time.time() + seconds}, "k" * 32)


def get(http, query="", *, may="report:read", seconds=60, **headers):
    given = {"Authorization": f"Bearer {token(may, seconds)}"} | headers
    return http.get(f"/api/v1/stream{query}", headers=given)


def test_the_stream_is_told_as_such(live):
    live.send(seen := heard())
    live.send(missed := heard())
    answer = get(client(live), seconds=0.1, **{"Last-Event-ID": f"{seen.id}.{live.replica}"})
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    parts = answer.data.split(b"\n\n")
    assert parts[0] + b"\n\n" == frames.RETRY
    assert parts[1] + b"\n\n" == missed.frame
    assert answer.data.endswith(frames.end("token_expired"))


def test_an_unknown_last_event_resets(live):
    assert b"event: reset" in get(client(live), seconds=0.05, **{"Last-Event-ID": "x"}).data


@pytest.mark.parametrize(
    ("query", "may", "status"),
    [
        ("?type=report_created&type=report_updated", "report:read", 200),
        ("?type=report_created,report_updated", "report:read", 200),
        (f"?region_id={HERE}", "report:read", 200),
        ("?type=report_created", "report:read_own", 200),
        ("?type=made_up", "report:read", 422),
        ("?region_id=x", "report:read", 422),
        ("?token=x", "report:read", 422),
        ("?type=alert_read", "alert:read", 403),
        ("?type=report_created,resource_created", "report:read", 403),
    ],
)
def test_filters_are_checked(live, query, may, status):
    answer = get(client(live), query, may=may, seconds=0.05)
    assert answer.status_code == status
    if status == 403:
        assert answer.json["permission"]


def test_without_a_token_there_is_no_stream(live):
    assert client(live).get("/api/v1/stream").status_code == 401


def test_without_a_broker_there_is_no_stream(live):
    live.interrupt()
    answer = get(client(live))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_an_account_has_only_so_many_streams(live):
    held = [listen(live) for _ in range(2)]
    for stream in held:
        next(stream)
    answer = get(client(live, http_streams=2))
    assert answer.status_code == 429
    assert "IMPACTX_HTTP_STREAMS" in answer.json["detail"]
    held[0].close()
    assert get(client(live, http_streams=2), seconds=0.05).status_code == 200


# --- regions that lie in others -----------------------------------------------------------------------------------

COUNTRY, DEPARTMENT, COMMUNE, ELSEWHERE = (UUID(int=number) for number in range(11, 15))
NESTED = {COUNTRY: None, DEPARTMENT: COUNTRY, COMMUNE: DEPARTMENT, ELSEWHERE: None}


class Identity:
    """identity, as the gateway asks it: pages of one region each."""

    def __init__(self, parents=None, failing=0):
        self.parents = dict(NESTED if parents is None else parents)
        self.failing = failing
        self.calls = 0
        self.meanwhile = lambda: None

    def __call__(self, method, arguments):
        assert method == "identity.list_regions"
        self.calls += 1
        self.meanwhile()
        if self.failing:
            self.failing -= 1
            raise Unavailable
        number = int(arguments.get("cursor", 0))
        region_id, parent_id = list(self.parents.items())[number]
        item = {"id": str(region_id), "version": 1, "parent_id": str(parent_id) if parent_id else None}
        is_last = number + 1 == len(self.parents)
        return {"items": [item], "next_cursor": None if is_last else str(number + 1)}


def nested(live, identity, *, regions=(), exact=False, **permissions):
    """Somebody who listens, and the way to ask what they hear of reports."""
    caller = person(**(permissions or {"report_read": None}))
    return Hearing(caller, frozenset(), frozenset(regions), exact=exact, parents=live.regions, call=identity)


def heard_in(listening):
    return {region for region in NESTED if listening.hears(REPORT, region, SOMEBODY)}


def moved(region_id, parent_id, version=2):
    body, headers = wire(
        "identity",
        "region_updated",
        region_id=str(region_id),
        version=version,
        parent_id=str(parent_id) if parent_id else None,
    )
    return frames.heard(body, headers, "r1")


def test_a_permission_in_a_region_lets_one_hear_what_lies_in_it(live):
    listening = nested(live, Identity(), report_read=frozenset({DEPARTMENT}))
    assert listening.is_complete()
    assert heard_in(listening) == {DEPARTMENT, COMMUNE}


def test_a_filter_means_a_region_with_all_below_and_exact_only_itself(live):
    identity = Identity()
    wide = nested(live, identity, regions=[COUNTRY])
    assert wide.is_complete()
    assert heard_in(wide) == {COUNTRY, DEPARTMENT, COMMUNE}
    assert heard_in(nested(live, identity, regions=[COUNTRY], exact=True)) == {COUNTRY}


def test_who_needs_no_tree_never_asks_for_it(live):
    identity = Identity()
    assert nested(live, identity).is_complete()
    assert nested(live, identity, regions=[HERE], exact=True).is_complete()
    assert identity.calls == 0


def test_the_tree_is_read_once_for_all(live):
    identity = Identity()
    for _ in range(3):
        assert nested(live, identity, regions=[COUNTRY]).is_complete()
    assert identity.calls == len(NESTED)


def test_a_gateway_without_the_tree_tells_less_and_never_more(live):
    listening = nested(live, Identity(failing=1), report_read=frozenset({DEPARTMENT}))
    assert not listening.is_complete()
    assert heard_in(listening) == {DEPARTMENT}


def test_identity_is_not_asked_again_at_once_when_it_fails():
    now = [0.0]
    live = Broadcast(clock=lambda: now[0])
    identity = Identity(failing=1)
    listening = nested(live, identity, regions=[COUNTRY])
    assert [listening.is_complete() for _ in range(3)] == [False] * 3
    assert identity.calls == 1
    now[0] += RETRY_SECONDS
    assert listening.is_complete()


def test_a_listener_follows_a_region_that_moves(live):
    listening = nested(live, Identity(), report_read=frozenset({DEPARTMENT}))
    assert listening.is_complete()
    live.send(moved(COMMUNE, ELSEWHERE))
    assert heard_in(listening) == {DEPARTMENT}
    live.send(moved(COMMUNE, DEPARTMENT, version=3))
    live.send(moved(COMMUNE, ELSEWHERE))
    assert heard_in(listening) == {DEPARTMENT, COMMUNE}


def test_a_move_that_is_heard_while_the_tree_is_read_is_not_undone_by_it(live):
    identity = Identity()
    identity.meanwhile = lambda: live.send(moved(COMMUNE, ELSEWHERE))
    listening = nested(live, identity, report_read=frozenset({DEPARTMENT}))
    assert listening.is_complete()
    assert heard_in(listening) == {DEPARTMENT}


def test_after_the_broker_was_away_the_tree_is_read_again(live):
    identity = Identity()
    listening = nested(live, identity, report_read=frozenset({DEPARTMENT}))
    assert listening.is_complete()
    identity.parents[COMMUNE] = ELSEWHERE
    live.interrupt()
    live.resume()
    assert heard_in(listening) == {DEPARTMENT}
    assert listening.is_complete()
    assert heard_in(listening) == {DEPARTMENT}


def test_a_tree_that_was_read_while_the_broker_was_away_does_not_count(live):
    identity = Identity()
    identity.meanwhile = live.resume
    assert not nested(live, identity, regions=[COUNTRY]).is_complete()
    identity.meanwhile = lambda: None
    assert nested(live, identity, regions=[COUNTRY]).is_complete()


def test_a_cycle_that_passes_holds_nobody_up(live):
    listening = nested(live, Identity(), report_read=frozenset({COMMUNE}))
    assert listening.is_complete()
    live.send(moved(COUNTRY, COMMUNE))
    assert heard_in(listening) == {COUNTRY, DEPARTMENT, COMMUNE}
    live.send(moved(COMMUNE, None))
    assert heard_in(listening) == {COUNTRY, DEPARTMENT, COMMUNE}
    live.send(moved(DEPARTMENT, None))
    assert heard_in(listening) == {COUNTRY, COMMUNE}


def test_who_missed_something_for_want_of_the_tree_is_told_to_reload():
    now = [0.0]
    live = Broadcast(clock=lambda: now[0], heartbeat=0.05)
    live.resume()
    listening = nested(live, Identity(failing=1), report_read=frozenset({DEPARTMENT}))
    stream = live.listen(ME, listening, 60, live.recent.next)
    assert next(stream) == frames.RETRY
    direct, below = heard(region_id=DEPARTMENT), heard(region_id=COMMUNE)
    live.send(direct)
    live.send(below)
    assert next(stream) == direct.frame
    now[0] += RETRY_SECONDS
    assert next(stream) == frames.reset(broadcasting.INCOMPLETE)
    later = heard(region_id=COMMUNE)
    live.send(later)
    assert next(stream) == later.frame


@pytest.mark.parametrize("seed", range(20))
def test_random_trees_and_moves_are_heard_as_the_reference_has_them(live, seed):
    chance = random.Random(seed)
    ids = [UUID(int=100 + number) for number in range(30)]
    parents = {region: chance.choice([None, *ids[:place]]) for place, region in enumerate(ids)}
    listening = nested(live, Identity(parents), regions=[ids[3]])
    assert listening.is_complete()
    versions = dict.fromkeys(ids, 1)
    for _ in range(20):
        region, parent = chance.choice(ids), chance.choice([None, *ids])
        versions[region] += 1
        parents[region] = parent
        live.send(moved(region, parent, versions[region]))
        for of in ids:
            at, path = of, set()
            while at is not None and at not in path:
                path.add(at)
                at = parents[at]
            assert listening.hears(REPORT, of, SOMEBODY) == (ids[3] in path)


# --- alerts that are not for everybody ----------------------------------------------------------------------------

STAFF = ("alert_read", "alert_read_restricted")


def alert_event(event_type="alert_issued", **data):
    """An event about an alert that somebody else issued, as the gateway hears it."""
    given = {"alert_id": str(uuid4()), "issued_by": str(SOMEBODY), "status": "active", **data}
    body, headers = wire("alerts", event_type, **given)
    return frames.heard(body, headers, "r1")


def hears(caller, event):
    return hearing(caller).hears(event.type, event.region_id, event.user_id, event.circle)


def listener(*permissions, roles=(), where=None):
    granted = {name.replace("_", ":", 1): where for name in permissions}
    return Caller(ME, frozenset(roles), granted, "", "")


@pytest.mark.parametrize("event_type", ["alert_issued", "alert_status_changed"])
@pytest.mark.parametrize(
    ("audience_class", "permissions", "is_heard"),
    [
        ("public", ["alert_read"], True),
        ("restricted", ["alert_read"], False),
        ("restricted", STAFF, True),
        ("private", STAFF, False),
        ("private", [*STAFF, "alert_read_private", "alert_read_draft"], False),
        ("unheard_of", [*STAFF, "alert_read_private"], False),
        (None, STAFF, False),
    ],
)
def test_an_event_is_as_restricted_as_its_alert(event_type, audience_class, permissions, is_heard):
    data = {} if audience_class is None else {"audience_class": audience_class}
    event = alert_event(event_type, previous_status="active", **data)
    assert hears(listener(*permissions), event) is is_heard


@pytest.mark.parametrize("audience_class", ["restricted", "private"])
def test_those_an_alert_is_for_hear_of_it_whatever_they_may(audience_class):
    named = {"audience_groups": ["medic"], "audience_accounts": [str(ME)]}
    by_account = alert_event(audience_class=audience_class, audience_accounts=[str(ME)])
    by_group = alert_event(audience_class=audience_class, audience_groups=["medic"])
    own = alert_event(audience_class=audience_class, issued_by=str(ME))
    for permissions in ([], ["alert_read"]):
        assert hears(listener(*permissions), by_account)
        assert hears(listener(*permissions), own)
        assert hears(listener(*permissions, roles=["medic"]), by_group)
        assert not hears(listener(*permissions, roles=["clerk"]), by_group)
    # What is not issued yet is not for them, nor is who of them has read it.
    for status, previous in (
        ("pending_approval", "draft"),
        ("cancelled", "draft"),
        ("draft", "pending_approval"),
    ):
        event = alert_event("alert_status_changed", audience_class=audience_class, status=status,
                            previous_status=previous, **named)  # fmt: skip
        assert not hears(listener("alert_read", roles=["medic"]), event)
    read = alert_event("alert_read", audience_class=audience_class, user_id=str(SOMEBODY), **named)
    assert not hears(listener("alert_read", roles=["medic"]), read)


@pytest.mark.parametrize("audience_class", ["public", "restricted", "private"])
def test_whom_an_alert_is_for_is_not_streamed(audience_class):
    event = alert_event(audience_class=audience_class, audience_accounts=[str(ME)], audience_groups=["medic"])
    assert str(ME).encode() not in event.frame.replace(b'"user_id":"%s"' % str(ME).encode(), b"")
    assert b"medic" not in event.frame


@pytest.mark.parametrize(
    ("audience_class", "permissions", "is_heard"),
    [
        ("public", ["alert_read"], False),
        ("public", ["alert_read", "alert_read_draft"], True),
        ("restricted", ["alert_read", "alert_read_draft"], False),
        ("restricted", [*STAFF, "alert_read_draft"], True),
        ("private", [*STAFF, "alert_read_draft"], False),
    ],
)
def test_what_becomes_of_drafts_is_for_those_who_may_read_them(audience_class, permissions, is_heard):
    event = alert_event(
        "alert_status_changed", audience_class=audience_class, status="cancelled", previous_status="draft"
    )
    assert hears(listener(*permissions), event) is is_heard


def test_the_reach_of_an_alert_is_as_restricted_as_the_alert():
    for audience_class, heard_by in (("public", 2), ("restricted", 1), ("private", 0)):
        event = alert_event("alert_targeted", audience_class=audience_class)
        listeners = (listener("alert_read", "alert_read_reach"), listener(*STAFF, "alert_read_reach"))
        assert sum(hears(one, event) for one in listeners) == heard_by


def test_a_permission_to_read_restricted_alerts_in_one_region_is_of_no_use_in_another():
    event = alert_event(audience_class="restricted", region_id=str(HERE))
    assert hears(listener(*STAFF, where=frozenset({HERE})), event)
    assert not hears(listener(*STAFF, where=frozenset({THERE})), event)
    elsewhere = {"alert:read": None, "alert:read_restricted": frozenset({THERE})}
    assert not hears(Caller(ME, frozenset(), elsewhere, "", ""), event)
