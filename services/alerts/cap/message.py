"""The XML of a message, its elements in the order of the standard (3.2, and the schema in 3.4)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from services.alerts.cap.polygons import polygons_of
from services.alerts.rules import CANCEL, GROUP, REGION, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
GEOCODE: Final = "impactx:region"
"""The ``valueName`` of a region's code."""

SENDER: Final = re.compile(r"[^\s,<&]{1,255}")
"""What the standard lets name a sender, or a message: no blanks, no commas, no < and &."""

_PREFIXES: Final[dict[Any, str]] = {None: NAMESPACE}
"""The standard's elements stand without a prefix."""

# What XML 1.0 cannot hold (2.2), not even escaped; people paste it all the same.
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message: all that CAP needs to name it."""

    sender: str
    alert_id: UUID
    sent: dt.datetime


@dataclass(frozen=True, slots=True)
class Message:
    """An issued alert with everything that its message says.

    Attributes:
        alert: By column.
        sender: Who we are.
        region: ``name``, ``code`` and ``boundaries`` of its region as they were when it was issued.
        targets: The declared ones.
        references: The messages that it replaces or calls off, the oldest first.
    """

    alert: Mapping[str, Any]
    sender: str
    region: Mapping[str, Any]
    targets: Sequence[Target]
    references: Sequence[Reference]


def write(message: Message) -> str:
    """The message as XML, with its declaration."""
    alert = message.alert
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap=_PREFIXES)
    _add(root, "identifier", _identifier(alert["id"]))
    _add(root, "sender", message.sender)
    _add(root, "sent", _time(alert["issued_at"]))
    _add(root, "status", "Actual")
    _add(root, "msgType", alert["msg_type"])
    _add_scope(root, message.targets)
    if alert["msg_type"] == CANCEL:
        _add(root, "note", alert["message"])
    if message.references:
        _add(root, "references", " ".join(map(_reference, message.references)))
    polygons = polygons_of(message.region["boundaries"])
    for texts in _languages(alert):
        _add_info(root, alert, texts, message.region, polygons)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True).decode()


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text is not None:
        element.text = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return element


def _add_scope(root: etree._Element, targets: Iterable[Target]) -> None:
    """Public where a region is told; else restricted to groups, or private to the people named."""
    listed = list(targets)
    groups = [target.target_id for target in listed if target.target_type == GROUP]
    if not listed or any(target.target_type == REGION for target in listed):
        _add(root, "scope", "Public")
    elif groups:
        _add(root, "scope", "Restricted")
        _add(root, "restriction", f"For: {', '.join(groups)}")
    else:
        _add(root, "scope", "Private")
        _add(root, "addresses", " ".join(target.target_id for target in listed))


def _languages(alert: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The texts in every language; a translation without an ``event`` has that of the alert."""
    own = {name: alert[name] for name in ("language", "title", "message", "event", "instruction")}
    return [own, *({"event": own["event"], "instruction": None, **one} for one in alert["translations"])]


def _add_info(
    root: etree._Element,
    alert: Mapping[str, Any],
    texts: Mapping[str, Any],
    region: Mapping[str, Any],
    polygons: Iterable[str],
) -> None:
    info = _add(root, "info")
    _add(info, "language", texts["language"])
    _add(info, "category", alert["category"])
    _add(info, "event", texts["event"])
    _add(info, "urgency", alert["urgency"])
    _add(info, "severity", alert["severity"])
    _add(info, "certainty", alert["certainty"])
    _add(info, "effective", _time(alert["issued_at"]))
    if alert["expires_at"] is not None:
        _add(info, "expires", _time(alert["expires_at"]))
    _add(info, "headline", texts["title"])
    _add(info, "description", texts["message"])
    if texts["instruction"]:
        _add(info, "instruction", texts["instruction"])
    area = _add(info, "area")
    _add(area, "areaDesc", region["name"] or "")
    for polygon in polygons:
        _add(area, "polygon", polygon)
    if region["code"]:
        geocode = _add(area, "geocode")
        _add(geocode, "valueName", GEOCODE)
        _add(geocode, "value", region["code"])


def _identifier(alert_id: UUID) -> str:
    """The ``identifier`` of an alert's message is the alert's own id, so it never changes."""
    return f"urn:uuid:{alert_id}"


def _reference(reference: Reference) -> str:
    return f"{reference.sender},{_identifier(reference.alert_id)},{_time(reference.sent)}"


def _time(moment: dt.datetime) -> str:
    """Whole seconds and a numeric offset; UTC is ``-00:00`` and never ``Z`` (3.3.2)."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}-00:00"
