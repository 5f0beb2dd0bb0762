"""What the methods that write about alerts take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.alerts import rules
from shared.domain.geo_filters import Outline, Word
from shared.platform.db.tables import UNKNOWN_REGION_ID
from shared.platform.schemas import (
    Arguments,
    Identifier,
    Latitude,
    Longitude,
    Number,
    Page,
    Text,
    Timestamp,
    Whole,
)

if TYPE_CHECKING:
    from uuid import UUID

LONGEST_TITLE: Final = 255
LONGEST_MESSAGE: Final = 20_000
LONGEST_EVENT: Final = 255
LARGEST_RADIUS: Final = 20_040
LONGEST_NOTE: Final = 5_000
MOST_TRANSLATIONS: Final = 50
GREATEST_INTEGER: Final = 2**31 - 1
LANGUAGE_TAG: Final = validate.Regexp(
    r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}\Z", re.ASCII, error="Must be a language tag such as fr or ht-HT."
)


class Language(Text):
    """A language as CAP names it (RFC 3066), such as ``fr`` or ``ht-HT``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(longest=35, validate=LANGUAGE_TAG, **options)


class Version(Whole):
    """The version of the thing that the caller saw."""

    def __init__(self, **options: Any) -> None:
        super().__init__(least=1, greatest=GREATEST_INTEGER, **options)


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

    target_type = Word(rules.TARGET_TYPES, required=True)
    target_id = Text(longest=255, required=True)

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
    title = Text(longest=LONGEST_TITLE, required=True)
    message = Text(longest=LONGEST_MESSAGE, lines=True, required=True)
    event = Text(longest=LONGEST_EVENT)
    instruction = Text(longest=LONGEST_MESSAGE, lines=True)


class Targets(fields.List[Any]):
    """Whom an alert is for: up to 1,000 people, and of groups and regions together up to 60."""

    def __init__(self) -> None:
        super().__init__(fields.Nested(TargetArguments), validate=validate.Length(1))

    def _deserialize(self, value: Any, *position: Any, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > rules.targets.MOST_TARGETS:
            raise ValidationError(f"More than {rules.targets.MOST_TARGETS} targets.")
        targets: list[Any] = super()._deserialize(value, *position, **more)
        problem = rules.too_many(targets)
        if problem:
            raise ValidationError(problem)
        return rules.in_order(targets)


class CapCircle(Arguments):
    """A circle as CAP has it: a place and a radius in kilometres."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    radius_km = Number(least=0.001, greatest=LARGEST_RADIUS, required=True)


class AlertArea(Arguments):
    """The part of its region that an alert is about: a ``polygon`` of up to 2,000 positions, or a ``circle``.

    ``description`` says in words where it is. It does not narrow whom the alert is for, since people choose regions.
    """

    description = Text(longest=LONGEST_TITLE)
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
    category = Word(rules.CATEGORIES, allow_none=True)
    event = Text(longest=LONGEST_EVENT, allow_none=True)
    urgency = Word(rules.URGENCIES, allow_none=True)
    severity = Word(rules.SEVERITIES, allow_none=True)
    certainty = Word(rules.CERTAINTIES, allow_none=True)
    instruction = Text(longest=LONGEST_MESSAGE, lines=True, allow_none=True)
    language = Language()
    translations = fields.List(
        fields.Nested(TranslationArguments), validate=validate.Length(max=MOST_TRANSLATIONS)
    )
    targets = Targets()
    cap_status = Word(rules.CAP_STATUSES)
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
    title = Text(longest=LONGEST_TITLE, required=True)
    message = Text(longest=LONGEST_MESSAGE, lines=True, required=True)
    region_id = RegionId(required=True)
    priority = Word(rules.PRIORITIES, required=True)


class IssueAlert(_Content):
    """Either a draft, by ``alert_id`` and the ``version`` that was seen, or a whole alert.

    Of a whole one ``title``, ``message``, ``region_id`` and ``priority`` are needed, and ``id`` (UUIDv7 by preference)
    makes a repeat harmless.
    """

    alert_id = Identifier()
    version = Version()
    id = Identifier(allow_none=True)
    title = Text(longest=LONGEST_TITLE)
    message = Text(longest=LONGEST_MESSAGE, lines=True)
    region_id = RegionId()
    priority = Word(rules.PRIORITIES)

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
    title = Text(longest=LONGEST_TITLE)
    message = Text(longest=LONGEST_MESSAGE, lines=True)
    priority = Word(rules.PRIORITIES)

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if data.keys() <= {"alert_id", "version"}:
            raise ValidationError("Name at least one field to change.")


class CancelAlert(Arguments):
    """An alert of which ``version`` was seen, and why it is called off."""

    alert_id = Identifier(required=True)
    version = Version(required=True)
    notes = Text(longest=LONGEST_NOTE, lines=True, blank=True, load_default=None, allow_none=True)


class AlertId(Arguments):
    """One alert."""

    alert_id = Identifier(required=True)


class ListAlertTargets(Page):
    """The targets of an alert: the declared groups and regions, and a row for everybody they reached."""

    alert_id = Identifier(required=True)
    target_type = Word(rules.TARGET_TYPES, allow_none=True)


class RebuildAudience(Arguments):
    """Where the call before stopped; nothing to begin with."""

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2100))
