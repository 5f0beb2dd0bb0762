"""Writes the feeds as XML: Atom (RFC 4287) and RSS 2.0, with an entry for each alert that links to its CAP document."""

from __future__ import annotations

import datetime as dt
import re
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

if TYPE_CHECKING:
    from services.gateway.feeds.current import Snapshot
    from shared.client.types.alerts import PublicAlert

CAP_TYPE: Final = "application/cap+xml"
ATOM_TYPE: Final = "application/atom+xml"
RSS_TYPE: Final = "application/rss+xml"
ATOM_PATH: Final = "/feeds/alerts.atom"
RSS_PATH: Final = "/feeds/alerts.rss"
TITLE: Final = "ImpactX: current alerts"
AUTHOR: Final = "ImpactX"
ACTUAL: Final = "Actual"
CANCEL: Final = "Cancel"

ATOM: Final = "http://www.w3.org/2005/Atom"
LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_ATOM_ALONE: Final[dict[Any, str]] = {None: ATOM}  # lxml's types know no default namespace

# What XML 1.0 cannot hold (2.2), not even escaped.
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def atom(snapshot: Snapshot, base: str, query: str = "") -> bytes:
    """Return the Atom feed.

    Args:
        snapshot: The alerts.
        base: Our own address, without a slash at its end.
        query: What follows the path in the address of the feed, ``?`` included.
    """
    feed = etree.Element(_atom("feed"), nsmap=_ATOM_ALONE)
    _add(feed, _atom("id"), base + ATOM_PATH + query)
    _add(feed, _atom("title"), TITLE)
    _add(feed, _atom("updated"), snapshot.changed_at.isoformat())
    _add(_add(feed, _atom("author")), _atom("name"), AUTHOR)
    _add(feed, _atom("link"), rel="self", type=ATOM_TYPE, href=base + ATOM_PATH + query)
    for alert in snapshot.alerts:
        entry = _add(feed, _atom("entry"))
        entry.set(LANGUAGE, alert["language"])
        _add(entry, _atom("id"), _urn(alert))
        _add(entry, _atom("title"), _title(alert))
        _add(entry, _atom("updated"), alert["updated_at"])
        _add(entry, _atom("published"), alert["issued_at"])
        _add(entry, _atom("link"), rel="alternate", type=CAP_TYPE, href=_address(alert, base))
        for category in _categories(alert):
            _add(entry, _atom("category"), term=category)
        _add(entry, _atom("summary"), alert["message"])
    return _written(feed)


def rss(snapshot: Snapshot, base: str, query: str = "") -> bytes:
    """Return the RSS feed; the arguments are those of `atom`."""
    root = etree.Element("rss", version="2.0", nsmap={"atom": ATOM})
    channel = _add(root, "channel")
    _add(channel, "title", TITLE)
    _add(channel, "link", f"{base}/")
    _add(channel, "description", TITLE)
    _add(channel, "lastBuildDate", format_datetime(snapshot.changed_at, usegmt=True))
    _add(channel, _atom("link"), rel="self", type=RSS_TYPE, href=base + RSS_PATH + query)
    for alert in snapshot.alerts:
        item = _add(channel, "item")
        _add(item, "title", _title(alert))
        _add(item, "link", _address(alert, base))
        _add(item, "description", alert["message"])
        for category in _categories(alert):
            _add(item, "category", category)
        _add(item, "guid", _urn(alert), isPermaLink="false")
        issued_at = dt.datetime.fromisoformat(alert["issued_at"]).astimezone(dt.UTC)
        _add(item, "pubDate", format_datetime(issued_at, usegmt=True))
    return _written(root)


def _title(alert: PublicAlert) -> str:
    """Return the title after marks that nobody may overlook: that it is an exercise, or is cancelled."""
    marks = [mark.upper() for mark in _marks(alert)]
    return ": ".join([*marks, alert["title"]])


def _marks(alert: PublicAlert) -> list[str]:
    status, kind = alert.get("cap_status", ACTUAL), alert.get("msg_type")
    return [mark for mark in (status, kind) if mark == CANCEL or (mark == status and status != ACTUAL)]


def _categories(alert: PublicAlert) -> list[str]:
    named = (alert["category"], alert["severity"], alert["region_name"])
    return [name for name in named if name] + _marks(alert)


def _urn(alert: PublicAlert) -> str:
    """Return the identifier of the alert, which is the same in CAP."""
    return f"urn:uuid:{alert['id']}"


def _address(alert: PublicAlert, base: str) -> str:
    return f"{base}/alerts/{alert['id']}.cap"


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, name, {key: _writable(value) for key, value in attributes.items()})
    if text is not None:
        element.text = _writable(text)
    return element


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _written(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
