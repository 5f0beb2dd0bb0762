"""What the methods that write about alerts take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.alerts import rules
from shared.domain.geo_filters import Choice, Outline
from shared.platform.db.tables import UNKNOWN_REGION_ID
from shared.platform.schemas import (
    Arguments,
    BoundedInteger,
    Identifier,
    Latitude,
    Longitude,
    Number,
    Page,
    Text,
    Timestamp,
)

if TYPE_CHECKING:
    from uuid import UUID

MAX_TITLE_LENGTH: Final = 255
MAX_MESSAGE_LENGTH: Final = 20_000
MAX_EVENT_LENGTH: Final = 255
MAX_RADIUS: Final = 20_040
MAX_NOTE_LENGTH: Final = 5_000
MAX_TRANSLATIONS: Final = 50
MAX_INTEGER: Final = 2**31 - 1
LANGUAGE_TAG: Final = validate.Regexp(
    r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}\Z", re.ASCII, error="Must be a language tag such as fr or ht-HT."
)


class Language(Text):
    """A language as CAP names it (RFC 3066), such as ``fr`` or ``ht-HT``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=35, validate=LANGUAGE_TAG, **options)


class Version(BoundedInteger):
    """The version of the thing that the caller saw."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_INTEGER, **options)


class RegionId(Identifier):
    """The id of a region that people live in: any but the reserved one."""

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> UUID:
        region_id = super()._deserialize(value, *position, **more)
        if region_id == UNKNOWN_REGION_ID:
            raise ValidationError(rules.targets.RESERVED)
        return region_id


class TargetArguments(Arguments):
    """Somebody whom an alert is for.

    ``target_id`` is the id of an account (``user``) or of a region (``region``), or the name of a role (``group``):
    ``coordinator`` are all of them, ``coordinator:HT-OUEST`` those who want the alerts of that region or have named
    none.
    """

    target_type = Choice(rules.TARGET_TYPES, required=True)
    target_id = Text(max_length=255, required=True)

    @validates_schema
    def _id_fits_the_type(self, data: dict[str, Any], **_more: Any) -> None:
        problem = rules.targets.problem_of(data["target_type"], data["target_id"])
        if problem:
            raise ValidationError(problem, "target_id")

    @post_load
    def _as_target(self, data: dict[str, Any], **_more: Any) -> rules.Target:
        return rules.Target(data["target_type"], data["target_id"])


class TranslationArguments(Arguments):
    """The texts of an alert in one more language."""

    language = Language(required=True)
    title = Text(max_length=MAX_TITLE_LENGTH, required=True)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, required=True)
    event = Text(max_length=MAX_EVENT_LENGTH)
    instruction = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)


class Targets(fields.List[Any]):
    """Whom an alert is for: up to 1,000 people, and of groups and regions together up to 60."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(TargetArguments), validate=validate.Length(1))

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > rules.targets.MAX_TARGETS:
            raise ValidationError(f"More than {rules.targets.MAX_TARGETS} targets.")
        targets: list[Any] = super()._deserialize(value, *position, **more)
        problem = rules.too_many(targets)
        if problem:
            raise ValidationError(problem)
        return rules.in_order(targets)


class CapCircle(Arguments):
    """A circle as CAP has it: a place and a radius in kilometres."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    radius_km = Number(min_value=0.001, max_value=MAX_RADIUS, required=True)


class AlertArea(Arguments):
    """The part of its region that an alert is about: a ``polygon`` of up to 2,000 positions, or a ``circle``.

    ``description`` says in words where it is. It does not narrow whom the alert is for, since people choose regions.
    """

    description = Text(max_length=MAX_TITLE_LENGTH)
    polygon = Outline()
    circle = fields.Nested(CapCircle)

    @validates_schema
    def _one_of_the_two(self, data: dict[str, Any], **_more: Any) -> None:
        if ("polygon" in data) == ("circle" in data):
            raise ValidationError("Give either a polygon or a circle.", "polygon")


class _Content(Arguments):
    """What an alert says beside its title, message and priority.

    ``category`` to ``certainty`` are CAP's and follow from the priority when omitted; ``expires_at`` null never
    expires; ``instruction`` is what people shall do; ``translations`` are the texts in other languages than
    ``language``; ``targets`` are whom it is for, the people of its region when omitted. ``onset_at`` is when what it
    warns of begins; ``cap_status`` is ``Exercise`` or ``Test`` for what is not meant, and cannot be changed once it is
    issued; ``area`` is the part of the region that it is about.
    """

    expires_at = Timestamp(allow_none=True)
    category = Choice(rules.CATEGORIES, allow_none=True)
    event = Text(max_length=MAX_EVENT_LENGTH, allow_none=True)
    urgency = Choice(rules.URGENCIES, allow_none=True)
    severity = Choice(rules.SEVERITIES, allow_none=True)
    certainty = Choice(rules.CERTAINTIES, allow_none=True)
    instruction = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, allow_none=True)
    language = Language()
    translations = fields.List(
        fields.Nested(TranslationArguments), validate=validate.Length(max=MAX_TRANSLATIONS)
    )
    targets = Targets()
    cap_status = Choice(rules.CAP_STATUSES)
    onset_at = Timestamp(allow_none=True)
    area = fields.Nested(AlertArea, allow_none=True)

    @validates_schema
    def _each_language_once(self, data: dict[str, Any], **_more: Any) -> None:
        listed = [translation["language"].lower() for translation in data.get("translations", ())]
        if len(set(listed)) < len(listed) or data.get("language", "").lower() in listed:
            raise ValidationError(
                "Each language stands once, that of the alert itself included.", "translations"
            )


class DraftAlert(_Content):
    """An alert to be issued later; ``id`` (UUIDv7 by preference) makes a repeat harmless."""

    id = Identifier(allow_none=True)
    title = Text(max_length=MAX_TITLE_LENGTH, required=True)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True, required=True)
    region_id = RegionId(required=True)
    priority = Choice(rules.PRIORITIES, required=True)


class IssueAlert(_Content):
    """Either a draft, by ``alert_id`` and the ``version`` that was seen, or a whole alert.

    Of a whole one ``title``, ``message``, ``region_id`` and ``priority`` are needed, and ``id`` (UUIDv7 by preference)
    makes a repeat harmless.
    """

    alert_id = Identifier()
    version = Version()
    id = Identifier(allow_none=True)
    title = Text(max_length=MAX_TITLE_LENGTH)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)
    region_id = RegionId()
    priority = Choice(rules.PRIORITIES)

    @validates_schema
    def _one_or_the_other(self, data: dict[str, Any], **_more: Any) -> None:
        draft = {"alert_id", "version"}
        # The client gives every create an id; that of a draft says nothing.
        given = data.keys() - {"id"}
        if "alert_id" in given:
            problems = {name: ["A draft is issued as it is; update it first."] for name in given - draft}
            if "version" not in given:
                problems["version"] = ["Missing data for required field."]
        else:
            needed = {"title", "message", "region_id", "priority"}
            problems = {name: ["Missing data for required field."] for name in needed - given}
            if "version" in given:
                problems["version"] = ["Belongs to the alert_id of a draft."]
        if problems:
            raise ValidationError(problems)


class UpdateAlert(_Content):
    """Changes to an alert of which ``version`` was seen; what is omitted stays. Another region is another alert."""

    alert_id = Identifier(required=True)
    version = Version(required=True)
    title = Text(max_length=MAX_TITLE_LENGTH)
    message = Text(max_length=MAX_MESSAGE_LENGTH, lines=True)
    priority = Choice(rules.PRIORITIES)

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if data.keys() <= {"alert_id", "version"}:
            raise ValidationError("Name at least one field to change.")


class CancelAlert(Arguments):
    """An alert of which ``version`` was seen, and why it is called off."""

    alert_id = Identifier(required=True)
    version = Version(required=True)
    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)


class AlertId(Arguments):
    """One alert."""

    alert_id = Identifier(required=True)


class ListAlertTargets(Page):
    """The targets of an alert: the declared groups and regions, and a row for everybody they reached."""

    alert_id = Identifier(required=True)
    target_type = Choice(rules.TARGET_TYPES, allow_none=True)


class RebuildAudience(Arguments):
    """Where the call before stopped; nothing to begin with."""

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2100))
