"""Writing CAP messages as XML, with the elements in the order of the standard (3.2 and the schema in 3.4)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lxml import etree

from services.alerts.cap.polygons import circle_of, polygons_of
from services.alerts.policy import ACTUAL, CANCEL, GROUP, Target
from shared.domain.alerts import PRIVATE, PUBLIC, RESTRICTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from services.alerts.schemas import types

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
GEOCODE: Final = "impactx:region"
"""The ``valueName`` of the code of a region."""

MAX_POSITIONS: Final = 20_000
"""The maximal number of positions in a message. Every language repeats the area, which is simplified to fit."""

ONE_SECOND: Final = dt.timedelta(seconds=1)

SENDER: Final = re.compile(r"[^\s,<&]{1,255}")
"""What the standard allows as a sender or an identifier: no spaces, no commas, no < and no &."""

_SCOPES: Final = {PUBLIC: "Public", RESTRICTED: "Restricted", PRIVATE: "Private"}

_PREFIXES: Final[dict[Any, str]] = {None: NAMESPACE}
"""The elements of the standard have no prefix."""

# Characters that XML 1.0 does not allow (2.2), not even escaped. Pasted text contains them all the same.
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to an earlier message."""

    sender: str
    alert_id: UUID
    sent: dt.datetime


class Region(NamedTuple):
    """What a message says of a region.

    Attributes:
        name: The name; None where the region is unknown.
        code: The code; None where the region is unknown.
        boundaries: A GeoJSON geometry or its text.
    """

    name: str | None
    code: str | None
    boundaries: Mapping[str, Any] | str | None


class _Texts(NamedTuple):
    language: str
    title: str
    message: str
    event: str
    instruction: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """The content of a message.

    Attributes:
        alert: The alert, with every CAP field.
        sender: The name of the sender.
        region: The region of the alert as it was when the alert was issued.
        targets: The declared targets, as far as the reader may know them.
        references: The messages that it replaces or cancels, the oldest first.
    """

    alert: types.Alert
    sender: str
    region: Region
    targets: Sequence[Target]
    references: Sequence[Reference]


def write(message: Message) -> str:
    """Return the message as an XML document."""
    alert = message.alert
    root = etree.Element(f"{{{NAMESPACE}}}alert", nsmap=_PREFIXES)
    _add(root, "identifier", _identifier(alert["id"]))
    _add(root, "sender", message.sender)
    _add(root, "sent", _time(alert["issued_at"]))
    status = alert["cap_status"]
    _add(root, "status", status)
    _add(root, "msgType", alert["msg_type"])
    _add_scope(root, alert["audience_class"], message.targets)
    if alert["msg_type"] == CANCEL:
        _add(root, "note", alert["message"])
    elif status != ACTUAL:
        # The standard asks for the name of the exercise here (3.2.1, status).
        _add(root, "note", f"{status}: {alert['title']}")
    if message.references:
        _add(root, "references", " ".join(map(_reference, message.references)))
    languages = _languages(alert)
    narrower = alert["area"]
    outline = narrower.get("polygon") if narrower else message.region.boundaries
    polygons = polygons_of(outline, MAX_POSITIONS // len(languages))
    for texts in languages:
        _add_info(root, alert, texts, message.region, polygons)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True).decode()


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text is not None:
        element.text = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return element


def _add_scope(root: etree._Element, audience_class: str, targets: Sequence[Target]) -> None:
    """Add the scope, with the groups of a restricted alert and the accounts of a private one."""
    _add(root, "scope", _SCOPES[audience_class])
    if audience_class == RESTRICTED:
        groups = [target.target_id for target in targets if target.target_type == GROUP]
        _add(root, "restriction", f"For: {', '.join(groups)}")
    elif audience_class == PRIVATE:
        _add(root, "addresses", " ".join(target.target_id for target in targets))


def _languages(alert: types.Alert) -> list[_Texts]:
    """Return the texts in every language. A translation without an ``event`` uses its own title instead."""
    own = _Texts(
        alert["language"],
        alert["title"],
        alert["message"],
        alert["event"] or alert["title"],
        alert["instruction"],
    )
    return [
        own,
        *(
            _Texts(
                one["language"],
                one["title"],
                one["message"],
                one.get("event") or one["title"],
                one.get("instruction"),
            )
            for one in alert["translations"]
        ),
    ]


def _add_info(
    root: etree._Element,
    alert: types.Alert,
    texts: _Texts,
    region: Region,
    polygons: Iterable[str],
) -> None:
    info = _add(root, "info")
    _add(info, "language", texts.language)
    _add(info, "category", alert["category"])
    _add(info, "event", texts.event)
    _add(info, "urgency", alert["urgency"])
    _add(info, "severity", alert["severity"])
    _add(info, "certainty", alert["certainty"])
    _add(info, "effective", _time(alert["issued_at"]))
    if alert["onset_at"] is not None:
        _add(info, "onset", _time(alert["onset_at"]))
    if alert["expires_at"] is not None:
        _add(info, "expires", _time(_end(alert["issued_at"], alert["expires_at"])))
    _add(info, "headline", texts.title)
    _add(info, "description", texts.message)
    if texts.instruction:
        _add(info, "instruction", texts.instruction)
    narrower = alert["area"]
    # The polygons, circles and codes of an area are united (3.2.4), so the code of the region would make a narrower
    # area as large as the region again.
    if narrower and region.code:
        _add_value(info, "parameter", region.code)
    area = _add(info, "area")
    _add(area, "areaDesc", (narrower or {}).get("description") or region.name or "")
    for polygon in polygons:
        _add(area, "polygon", polygon)
    if narrower and "circle" in narrower:
        _add(area, "circle", circle_of(narrower["circle"]))
    if not narrower and region.code:
        _add_value(area, "geocode", region.code)


def _add_value(parent: etree._Element, name: str, code: str) -> None:
    element = _add(parent, name)
    _add(element, "valueName", GEOCODE)
    _add(element, "value", code)


def _end(issued_at: dt.datetime, expires_at: dt.datetime) -> dt.datetime:
    """Return when the alert expires, in whole seconds, and after the time it was sent however short its life is."""
    sent = issued_at.replace(microsecond=0)
    end = expires_at.replace(microsecond=0)
    return end if end > sent else sent + ONE_SECOND


def _identifier(alert_id: UUID) -> str:
    """Return the ``identifier`` of an alert's message. It is made of the alert's id and never changes."""
    return f"urn:uuid:{alert_id}"


def _reference(reference: Reference) -> str:
    return f"{reference.sender},{_identifier(reference.alert_id)},{_time(reference.sent)}"


def _time(moment: dt.datetime) -> str:
    """Return a time in whole seconds with a numeric offset. CAP writes UTC as ``-00:00``, never as ``Z`` (3.3.2)."""
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S}-00:00"
