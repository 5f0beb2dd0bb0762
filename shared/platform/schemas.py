"""The marshmallow bases and fields that every service's schemas are made of.

Arguments are closed (an unknown field is an error) and every value is bounded; results are open mappings from
which exactly the declared fields leave. Messages are sentences that a person can act on.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from shared.client.errors import Invalid
from shared.domain import phones
from shared.platform import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_ADDRESS_LENGTH: Final = 500
PAIR = 2
MAX_LONGITUDE = 180.0
MAX_LATITUDE = 90.0


class Arguments(Schema):
    """What a method takes. Fields that are not declared are refused."""

    class Meta:
        """Closed: nobody sets what is not offered."""

        unknown = RAISE

    error_messages = {"unknown": "There is no such field."}  # noqa: RUF012 - marshmallow reads a plain dict here


class Result(Schema):
    """What a method returns: exactly the declared fields, whatever else the row holds."""


class Empty(Arguments):
    """A method that takes nothing."""


class Text(fields.String):
    """A text of at most ``max_length`` characters, without control and invisible characters (`texts.clean`).

    At least one character must be visible unless ``blank`` is allowed, which makes the empty text of one that shows
    nothing and is not white space. A text of one line unless ``lines`` allows more. Only a ``verbatim`` text, which is
    a secret, stays as it came.
    """

    def __init__(
        self,
        *,
        max_length: int,
        blank: bool = False,
        lines: bool = False,
        verbatim: bool = False,
        **options: Any,
    ) -> None:
        self.max_length = max_length
        self.blank = blank
        self.lines = lines
        self.verbatim = verbatim
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **more)
        if len(text) <= self.max_length and not self.verbatim:
            text = texts.clean(text, lines=self.lines)
        # Composing can make a text longer, so the second look is at what is stored.
        if len(text) > self.max_length:
            raise ValidationError(f"Longer than {self.max_length} characters.")
        if texts.is_blank(text):
            if not self.blank:
                raise ValidationError("Must not be empty.")
            # White space stays as it was typed; fillers and empty cells, which look like letters to a program, go.
            return text if self.verbatim or text.isspace() else ""
        return text


MAX_WRITTEN_PHONE_LENGTH = 100


class Phone(Text):
    """A telephone number as people write it, made to fit into 20 characters (`shared.domain.phones.readable`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_WRITTEN_PHONE_LENGTH, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        number = phones.readable(super()._deserialize(value, attr, data, **more))
        if number is None:
            raise ValidationError(
                f"Not a telephone number such as +509 2812 0000, of at most {phones.MAX_LENGTH} characters."
            )
        return number


class Identifier(fields.Field[UUID]):
    """A UUID in its usual text form; leaves as it is, since the serializer writes UUIDs."""

    default_error_messages = {"invalid": "Not a UUID."}  # noqa: RUF012 - as marshmallow declares it

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> UUID:
        if isinstance(value, UUID):
            return value
        if isinstance(value, str) and len(value) == 36:  # noqa: PLR2004 - the hyphenated form alone
            try:
                return UUID(value)
            except ValueError:
                pass
        raise self.make_error("invalid")


_LOST_PLUS: Final = re.compile(r"[0-9-]{8,10}[Tt ][0-9:.,]+ [0-9]{2}:?[0-9]{2}")


class Timestamp(fields.Field[dt.datetime]):
    """A moment, RFC 3339 with an offset; leaves in UTC."""

    default_error_messages = {  # noqa: RUF012 - as marshmallow declares it
        "invalid": "Not an RFC 3339 date and time such as 2026-01-31T12:00:00+00:00.",
        "offset": "Needs an offset from UTC, such as Z or +02:00.",
        "plus": "Has a blank before the offset. In an address a + means a blank: write %2B for it.",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> dt.datetime:
        if isinstance(value, str) and _LOST_PLUS.fullmatch(value):
            raise self.make_error("plus")
        try:
            # RFC 3339 allows t and z in lower case, which Python does not read.
            moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value.upper())
        except (AttributeError, TypeError, ValueError):
            raise self.make_error("invalid") from None
        if moment.tzinfo is None:
            raise self.make_error("offset")
        try:
            return moment.astimezone(dt.UTC)
        except OverflowError:
            raise self.make_error("invalid") from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC)


class BoundedInteger(fields.Integer):
    """A whole number between two bounds; a fraction, a text or a truth value is not one."""

    def __init__(self, *, min_value: int, max_value: int, **options: Any) -> None:
        super().__init__(
            strict=True,
            validate=validate.Range(
                min_value, max_value, error=f"Must be between {min_value} and {max_value}."
            ),
            **options,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Field[float]):
    """A finite number between two bounds."""

    def __init__(self, *, min_value: float, max_value: float, **options: Any) -> None:
        self.min_value = min_value
        self.max_value = max_value
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Not a number.")
        try:
            number = float(value)
        except OverflowError:
            raise ValidationError("Not a finite number.") from None
        if not math.isfinite(number):
            raise ValidationError("Not a finite number.")
        if not self.min_value <= number <= self.max_value:
            raise ValidationError(f"Must be between {self.min_value:.15g} and {self.max_value:.15g}.")
        return number


class Longitude(Number):
    """Degrees east, WGS 84."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=-MAX_LONGITUDE, max_value=MAX_LONGITUDE, **options)


class Latitude(Number):
    """Degrees north, WGS 84."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=-MAX_LATITUDE, max_value=MAX_LATITUDE, **options)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an int that no float can hold
        return False


def check_position(position: Any, *, max_longitude: float = MAX_LONGITUDE) -> None:
    """Refuses what is not a GeoJSON position ``[longitude, latitude]`` (RFC 7946, 3.1.1) in range.

    Args:
        position: Anything.
        max_longitude: More than 180 for a ring that goes on across the antimeridian.

    Raises:
        ValidationError: It says what is wrong.
    """
    if not isinstance(position, list) or len(position) not in (PAIR, PAIR + 1):
        raise ValidationError("Must be [longitude, latitude].")
    for number in position:
        if isinstance(number, bool) or not isinstance(number, int | float) or not _is_finite(number):
            raise ValidationError("Coordinates must be finite numbers.")
    if not -max_longitude <= position[0] <= max_longitude:
        raise ValidationError(f"Longitude {position[0]} is out of range; it must be between -180 and 180.")
    if not -MAX_LATITUDE <= position[1] <= MAX_LATITUDE:
        raise ValidationError(f"Latitude {position[1]} is out of range; it must be between -90 and 90.")


def _point_problems(value: Mapping[str, Any]) -> dict[str, list[str]]:
    problems = {} if value.get("type") == "Point" else {"type": ['Must be "Point".']}
    try:
        check_position(value.get("coordinates"))
    except ValidationError as error:
        problems["coordinates"] = [str(message) for message in error.messages]
    return problems


_ADDRESS: Final = Text(max_length=MAX_ADDRESS_LENGTH, blank=True, allow_none=True)


class Location(fields.Field[dict[str, Any]]):
    """Where something is: a GeoJSON ``Point`` (lon, lat), with an optional ``address`` of up to 500 characters.

    With ``address_suffices`` the coordinates may be left out, null or empty where there is an address; then it loads
    as the address alone.
    """

    def __init__(self, *, address_suffices: bool = False, **options: Any) -> None:
        self.address_suffices = address_suffices
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(
                'Must be a GeoJSON Point such as {"type": "Point", "coordinates": [lon, lat]}.'
            )
        problems: dict[str, list[str]] = {
            str(name): ["There is no such field."]
            for name in value.keys() - {"type", "coordinates", "address"}
        }
        address = None
        try:
            address = _ADDRESS.deserialize(value.get("address"))
        except ValidationError:
            problems["address"] = [f"Must be a text of at most {MAX_ADDRESS_LENGTH} characters."]
        is_addressed = self.address_suffices and bool(address) and not texts.is_blank(str(address))
        if is_addressed and value.get("coordinates") in (None, []):
            if value.get("type", "Point") not in ("Point", None):
                problems["type"] = ['Must be "Point".']
            value = {"address": address}
        else:
            problems |= _point_problems(value)
        if problems:
            raise ValidationError(problems)
        return {**value, "address": address} if "address" in value else value


class Page(Arguments):
    """The paging arguments of every list; subclass it with the filters.

    ``cursor`` is the ``next_cursor`` of the page before; ``limit`` is 1 to 500, 50 by default.
    """

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2000))
    limit = BoundedInteger(min_value=1, max_value=MAX_LIMIT, load_default=DEFAULT_LIMIT)


def page_of(item: type[Result]) -> type[Result]:
    """The schema of a page: ``items`` and ``next_cursor``, null on the last page."""
    declared = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_cursor": fields.String(allow_none=True, required=True),
    }
    return type(f"PageOf{item.__name__}", (Result,), declared)


def load(schema: Schema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, checked and converted.

    Raises:
        Invalid: It names every field at fault.
    """
    try:
        return schema.load(arguments)  # type: ignore[no-any-return] # a Schema without `many` loads one dict
    except ValidationError as error:
        raise invalid(error.messages) from None


def invalid(messages: Any) -> Invalid:
    """marshmallow's nested messages as an `Invalid` with dotted field names."""
    found: dict[str, list[str]] = {}
    for name, message in _flatten(messages, ""):
        found.setdefault(name, []).append(message)
    return Invalid(fields=found)


def _flatten(messages: Any, prefix: str) -> Iterable[tuple[str, str]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            own = "" if name == "_schema" else str(name)
            yield from _flatten(inner, ".".join(part for part in (prefix, own) if part))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flatten(inner, prefix)
    else:
        yield prefix or "arguments", str(messages)
