"""The feeds of alerts, and what is said to those who have them already."""

import datetime as dt
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest
from lxml import etree

from services.gateway.feeds import documents
from services.gateway.feeds.cap_documents import CapDocument, CapDocuments
from services.gateway.feeds.current import LIFETIME, LIVE_LIFETIME, CurrentAlerts
from services.gateway.feeds.documents import ATOM
from services.gateway.live.broadcast import Broadcast
from services.gateway.live.recent import Heard
from shared.client.errors import NotFound, Unauthenticated, Unavailable
from shared.platform.rpc.context import Caller
from shared.platform.settings import SettingError, from_environment
from tests.support.gateway import application

NOW = dt.datetime(2026, 3, 14, 9, 30, 0, 250_000, tzinfo=dt.UTC)
ID = "01978f41-3b00-7d2c-9b21-4e5f60718293"
FORMATS = ("atom", "rss")
CAP = f'<?xml version="1.0"?>\n<alert><identifier>{ID}</identifier><sent>2026-03-14T09:30:00-00:00</sent></alert>'


def alert(**changed):
    return {
        "id": ID,
        "title": "Leave <now> & \x0b quickly",
        "message": "The dam may break.",
        "region_name": "Nippes",
        "issued_at": "2026-03-14T09:30:00+00:00",
        "updated_at": "2026-03-14T10:00:00+00:00",
        "category": "Met",
        "severity": "Severe",
        "language": "ht",
    } | changed


class Alerts:
    """Stands in for the alerts service."""

    def __init__(self):
        self.pages = [[alert()]]
        self.calls = []
        self.failure = None

    def call(self, method, arguments=None, *, token=None, **_):
        self.calls.append((method, dict(arguments or {}), token))
        if self.failure is not None:
            raise self.failure
        if method == "alerts.get_alert_cap":
            return {"alert_id": ID, "cap": CAP}
        number = int(arguments.get("cursor", 0))
        more = number + 1 < len(self.pages)
        return {"items": self.pages[number], "next_cursor": str(number + 1) if more else None}


@pytest.fixture
def alerts():
    return Alerts()


@pytest.fixture
def current(alerts):
    made = CurrentAlerts(lambda *given: alerts.call(*given, token=""), clock=lambda: 0, now=lambda: NOW)
    made.clock = 0.0
    made.time = NOW
    made._clock = lambda: made.clock
    made._now = lambda: made.time
    return made


def client(alerts, **settings):
    def verify(token, correlation_id):
        if token != "good":
            raise Unauthenticated
        return Caller(UUID(int=1), frozenset(), {}, token, correlation_id)

    return application(alerts, verify, **settings).test_client()


def test_atom_has_an_entry_for_each_alert_with_the_way_to_its_document(alerts):
    alerts.pages = [[alert(), alert(id=ID.replace("4e5f", "4e50"))], [alert(id=ID.replace("4e5f", "4e51"))]]
    answer = client(alerts).get("/feeds/alerts.atom")
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    feed = etree.fromstring(answer.data)
    names = {"a": ATOM}
    entries = feed.findall("a:entry", names)
    assert len(entries) == 3
    first = entries[0]
    assert first.findtext("a:title", namespaces=names) == "Leave <now> & \N{REPLACEMENT CHARACTER} quickly"
    assert first.findtext("a:id", namespaces=names) == f"urn:uuid:{ID}"
    assert first.get("{http://www.w3.org/XML/1998/namespace}lang") == "ht"
    link = first.find("a:link", names)
    assert link.attrib == {
        "rel": "alternate",
        "type": "application/cap+xml",
        "href": f"http://localhost/alerts/{ID}.cap",
    }
    for required in ("id", "title", "updated", "author"):
        assert feed.find(f"a:{required}", names) is not None
    assert {token for _, _, token in alerts.calls} == {""}


def test_rss_has_an_item_for_each_alert(alerts):
    answer = client(alerts).get("/feeds/alerts.rss")
    assert answer.content_type == "application/rss+xml; charset=utf-8"
    (item,) = etree.fromstring(answer.data).findall("channel/item")
    assert item.findtext("link") == f"http://localhost/alerts/{ID}.cap"
    assert item.findtext("guid") == f"urn:uuid:{ID}"
    assert item.find("guid").get("isPermaLink") == "false"
    assert parsedate_to_datetime(item.findtext("pubDate")) == dt.datetime(2026, 3, 14, 9, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("form", FORMATS)
def test_a_feed_of_a_region_asks_for_its_alerts_and_names_itself(alerts, form):
    http = client(alerts)
    path, region = f"/feeds/alerts.{form}", UUID(int=7)
    everywhere = http.get(path)
    answers = [http.get(f"{path}?{query}&region_id={region}") for query in ("exact=false", "exact=true")]
    given = [{name: value for name, value in call.items() if name != "limit"} for _, call, _ in alerts.calls]
    assert given == [
        {},
        {"region_id": [str(region)], "exact": False},
        {"region_id": [str(region)], "exact": True},
    ]
    assert len({answer.headers["ETag"] for answer in (everywhere, *answers)}) == 3
    for answer, query in zip(
        (everywhere, *answers), ("", f"?region_id={region}", f"?region_id={region}&exact=true"), strict=True
    ):
        [own] = [
            link
            for link in etree.fromstring(answer.data).iter(f"{{{ATOM}}}link")
            if link.get("rel") == "self"
        ]
        assert own.get("href") == f"http://localhost{path}{query}"


def test_the_alerts_of_a_region_are_asked_for_once_until_they_change(alerts):
    live = Live()
    http = client(alerts, live=live)
    path = f"/feeds/alerts.atom?region_id={UUID(int=7)}"
    for _ in range(3):
        http.get(path)
    assert len(alerts.calls) == 1
    live.send(heard("alert_issued"))
    http.get(path)
    assert len(alerts.calls) == 2


def test_no_more_than_some_regions_are_kept(alerts, monkeypatch):
    monkeypatch.setattr("services.gateway.feeds.current.MAX_REGIONS", 2)
    http = client(alerts)
    for number in (1, 2, 1, 3, 1, 2):
        http.get(f"/feeds/alerts.rss?region_id={UUID(int=number)}")
    asked = [UUID(call["region_id"][0]).int for _, call, _ in alerts.calls]
    assert asked == [1, 2, 3, 2]


@pytest.mark.parametrize(("query", "field"), [("region_id=HT", "region_id"), ("region=HT", "region")])
def test_a_feed_of_what_is_no_region_names_the_parameter(alerts, query, field):
    answer = client(alerts).get(f"/feeds/alerts.atom?{query}")
    assert answer.status_code == 422
    assert list(answer.json["fields"]) == [field]
    assert not alerts.calls


@pytest.mark.parametrize("form", FORMATS)
def test_a_feed_without_alerts_is_a_feed(alerts, form):
    alerts.pages = [[]]
    answer = client(alerts).get(f"/feeds/alerts.{form}")
    assert answer.status_code == 200
    etree.fromstring(answer.data)


@pytest.mark.parametrize("form", FORMATS)
def test_who_has_it_already_is_told_so(alerts, form):
    http = client(alerts)
    path = f"/feeds/alerts.{form}"
    first = http.get(path)
    for header, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = http.get(path, headers={header: value})
        assert again.status_code == 304
        assert again.data == b""
        assert again.headers["ETag"] == first.headers["ETag"]
    assert http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_feeds_have_tags_of_their_own(alerts):
    http = client(alerts)
    assert len({http.get(f"/feeds/alerts.{form}").headers["ETag"] for form in FORMATS}) == 2


def test_many_readers_cost_one_call(alerts, current):
    for _ in range(50):
        current.get()
    assert len(alerts.calls) == 1
    current.clock += LIFETIME + 0.1
    current.get()
    assert len(alerts.calls) == 2


def test_the_time_of_change_grows_with_each_change_also_when_an_alert_ends(alerts, current):
    times = []
    for items in ([alert()], [alert()], [], [alert()]):
        alerts.pages = [items]
        times.append(current.get().changed_at)
        current.clock += LIFETIME + 0.1
    assert times[0] == NOW.replace(microsecond=0)
    assert times[1] == times[0]
    assert times[2] == times[0] + dt.timedelta(seconds=1)
    assert times[3] == times[0] + dt.timedelta(seconds=2)


def test_a_service_that_is_away_is_said_and_asked_again(alerts):
    alerts.failure = Unavailable("Away.")
    http = client(alerts)
    assert http.get("/feeds/alerts.atom").status_code == 503
    alerts.failure = None
    assert http.get("/feeds/alerts.atom").status_code == 200


def test_a_document_is_cap_and_can_be_kept(alerts):
    http = client(alerts)
    path = f"/alerts/{ID}.cap"
    answer = http.get(path)
    assert answer.content_type == "application/cap+xml"
    assert answer.data.decode() == CAP
    assert answer.headers["Last-Modified"] == "Sat, 14 Mar 2026 09:30:00 GMT"
    assert answer.headers["Cache-Control"].startswith("public")
    assert http.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    modified = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert http.get(path, headers=modified).status_code == 304
    assert alerts.calls[0] == ("alerts.get_alert_cap", {"alert_id": UUID(ID)}, "")


def test_a_document_that_was_given_for_a_token_is_not_kept_for_others(alerts):
    answer = client(alerts).get(f"/alerts/{ID}.cap", headers={"Authorization": "Bearer good"})
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]
    assert alerts.calls[0][2] == "good"


def test_what_is_not_public_is_not_found(alerts):
    alerts.failure = NotFound("There is no such alert.")
    answer = client(alerts).get(f"/alerts/{ID}.cap")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_a_public_address_stands_in_the_feeds(alerts):
    http = client(alerts, http_public_url="https://impactx.example")
    answer = http.get("/feeds/alerts.atom", base_url="http://10.0.0.7:8000")
    assert f'href="https://impactx.example/alerts/{ID}.cap"'.encode() in answer.data
    assert b"10.0.0.7" not in answer.data


@pytest.mark.parametrize("path", ["/feeds/alerts.atom", "/feeds/alerts.rss"])
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "0.0.0.0"]
)
def test_a_host_that_the_settings_do_not_know_is_never_said_in_a_feed(alerts, path, host):
    answer = client(alerts, http_host="0.0.0.0").get(path, base_url=f"http://{host}")
    assert answer.status_code == 421
    assert answer.json["slug"] == "misdirected_request"
    assert b"evil.example" not in answer.data
    assert "public" not in answer.headers.get("Cache-Control", "")


@pytest.mark.parametrize(
    "host", ["impactx.example", "IMPACTX.example:8080", "10.0.0.5", "localhost:8000", "[::1]:81"]
)
def test_the_names_of_the_settings_and_of_loopback_are_said_in_feeds(alerts, host):
    http = client(alerts, http_hosts=("impactx.example",), http_host="10.0.0.5")
    answer = http.get("/feeds/alerts.atom", base_url=f"http://{host}")
    assert answer.status_code == 200
    assert f'href="http://{host}/alerts/{ID}.cap"'.lower().encode() in answer.data.lower()


def test_the_names_are_read_from_the_environment():
    def hosts(text):
        return from_environment((), {"IMPACTX_HTTP_HOSTS": text}).http_hosts

    assert hosts("") == ()
    assert hosts("Impactx.example, 10.0.0.5,[::1]") == ("impactx.example", "10.0.0.5", "[::1]")
    with pytest.raises(SettingError, match=r"IMPACTX_HTTP_HOSTS .* without ports"):
        hosts("impactx.example:8000")


def test_the_public_address_is_read_from_the_environment():
    def address(text):
        return from_environment((), {"IMPACTX_HTTP_PUBLIC_URL": text}).http_public_url

    assert address("") == ""
    assert address("https://impactx.example/") == "https://impactx.example"
    assert address("https://example.org/impactx") == "https://example.org/impactx"
    with pytest.raises(SettingError, match="IMPACTX_HTTP_PUBLIC_URL"):
        address("impactx.example")


# --- rendered once, told of changes ---------------------------------------------------------------------------------


class Live(Broadcast):
    """A live stream that is live."""

    def __init__(self):
        super().__init__()
        self.is_live = True


def heard(event_type):
    return Heard(f"event {event_type}", event_type, None, None, b"")


@pytest.mark.parametrize("form", FORMATS)
def test_a_feed_is_rendered_once_for_all_readers_and_not_at_all_for_who_has_it(alerts, form, monkeypatch):
    written = []
    write = getattr(documents, form)
    monkeypatch.setattr(documents, form, lambda *given: written.append(1) or write(*given))
    http = client(alerts)
    path = f"/feeds/alerts.{form}"
    first = http.get(path)
    assert [http.get(path).data for _ in range(5)] == [first.data] * 5
    http.get(path, base_url="http://127.0.0.1")
    assert len(written) == 2, "another address of ours is another document"
    for _ in range(5):
        assert http.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert len(written) == 2


def test_who_has_it_already_needs_no_rendering(alerts, monkeypatch):
    http = client(alerts)
    tag = http.get("/feeds/alerts.atom").headers["ETag"]
    other = client(alerts)

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(documents, "atom", never)
    assert other.get("/feeds/alerts.atom", headers={"If-None-Match": tag}).status_code == 304


def test_events_have_the_feeds_asked_for_anew_and_nothing_else_does(alerts):
    live = Live()
    http = client(alerts, live=live)
    for _ in range(5):
        http.get("/feeds/alerts.atom")
    live.send(heard("report_created"))
    http.get("/feeds/alerts.rss")
    assert len(alerts.calls) == 1
    for number, event_type in enumerate(("alert_issued", "alert_status_changed", "region_updated"), start=2):
        alerts.pages = [[alert(title=event_type)]]
        live.send(heard(event_type))
        assert event_type.encode() in http.get("/feeds/alerts.atom").data
        http.get("/feeds/alerts.rss")
        assert len(alerts.calls) == number
    live.resume()
    http.get("/feeds/alerts.atom")
    assert len(alerts.calls) == 5, "events may have been missed"


def test_what_changes_while_it_is_asked_for_is_asked_for_again(alerts, current):
    current._is_live = lambda: True
    ask = current._call

    def meanwhile(*given):
        page = ask(*given)
        current.hear("alert_issued")
        return page

    current._call = meanwhile
    current.get()
    current._call = ask
    alerts.pages = [[alert(title="Another")]]
    assert current.get().alerts[0]["title"] == "Another"
    current.get()
    assert len(alerts.calls) == 2


def test_while_events_come_in_it_is_asked_for_seldom_and_when_an_alert_is_over(alerts, current):
    current._is_live = lambda: True
    alerts.pages = [[alert(expires_at="2026-03-14T09:30:10+00:00"), alert(expires_at=None)]]
    current.get()
    current.clock += LIFETIME + 0.1
    current.get()
    assert len(alerts.calls) == 1
    current.time += dt.timedelta(seconds=10)
    alerts.pages = [[alert(expires_at=None)]]
    assert len(current.get().alerts) == 1
    assert len(alerts.calls) == 2
    current.clock += LIVE_LIFETIME + 0.1
    current.get()
    assert len(alerts.calls) == 3


def test_a_document_is_asked_for_once_for_all_without_a_token(alerts):
    http = client(alerts)
    for _ in range(3):
        assert http.get(f"/alerts/{ID}.cap").data.decode() == CAP
    assert len(alerts.calls) == 1
    http.get(f"/alerts/{ID}.cap", headers={"Authorization": "Bearer good"})
    assert [token for _, _, token in alerts.calls] == ["", "good"]
    alerts.failure = NotFound("There is no such alert.")
    assert http.get(f"/alerts/{ID.replace('4e5f', '4e50')}.cap").status_code == 404
    assert http.get(f"/alerts/{ID}.cap", headers={"Authorization": "Bearer good"}).status_code == 404


def test_documents_are_kept_for_a_time_and_up_to_a_size():
    clock = [0.0]
    kept = CapDocuments(clock=lambda: clock[0], max_bytes=25)
    asked = []

    def ask(number):
        asked.append(number)
        return CapDocument(b"x" * 10, None)

    for number in (1, 2, 1, 2, 3, 1):
        kept.get(UUID(int=number), lambda number=number: ask(number))
    assert asked == [1, 2, 3, 1]
    clock[0] = 61.0
    kept.get(UUID(int=1), lambda: ask(1))
    assert asked[-1] == 1
    assert len(asked) == 5


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({}, "Leave"),
        ({"cap_status": "Actual", "msg_type": "Update"}, "Leave"),
        ({"cap_status": "Exercise"}, "EXERCISE: Leave"),
        ({"cap_status": "Test", "msg_type": "Cancel"}, "TEST: CANCEL: Leave"),
        ({"msg_type": "Cancel"}, "CANCEL: Leave"),
    ],
)
def test_what_is_not_meant_or_is_over_says_so_in_its_title(alerts, form, changed, title):
    alerts.pages = [[alert(title="Leave", **changed)]]
    answer = client(alerts).get(f"/feeds/alerts.{form}")
    assert f"<title>{title}</title>".encode() in answer.data
