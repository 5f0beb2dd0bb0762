"""The marshmallow base classes and fields of the schemas of every service.

Arguments are closed (an unknown field is an error), and every value has bounds. Results may hold more than a schema
declares; only the declared fields are sent. A message says what is wrong and what to send instead.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from shared.client.errors import Invalid
from shared.platform import phones, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_ADDRESS_LENGTH: Final = 500
MAX_CHOICES: Final = 50
PAIR = 2
MAX_LONGITUDE = 180.0
MAX_LATITUDE = 90.0


class Arguments(Schema):
    """The arguments of a method. A field that is not declared is refused."""

    class Meta:
        """Refuse unknown fields."""

        unknown = RAISE

    error_messages = {"unknown": "Unknown field."}  # noqa: RUF012 - marshmallow reads a plain dict here


class Changes(Arguments):
    """The arguments of a change: the required fields say of what, and at least one other field is new."""

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if not any(name in data for name, field in self.fields.items() if not field.required):
            raise ValidationError("Give at least one field to change.")


class Result(Schema):
    """The result of a method: exactly the declared fields, whatever else the row holds."""


class Empty(Arguments):
    """The arguments of a method that takes none."""


class Text(fields.String):
    """A text of at most ``max_length`` characters, without control and invisible characters (`texts.clean`).

    Args:
        max_length: The maximum number of characters.
        blank: Whether a text without a visible character is allowed. Such a text is loaded as the empty text, unless
            it is white space only, which is kept.
        lines: Whether the text may have several lines.
        verbatim: Whether the text is kept exactly as it was sent, as a password is.
        options: The options of a marshmallow field.
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
        # Composing characters (NFC) can make a text longer, so the length is checked again.
        if len(text) > self.max_length:
            raise ValidationError(f"Must be at most {self.max_length} characters long.")
        if texts.is_blank(text):
            if not self.blank:
                raise ValidationError("Must not be empty.")
            # White space is kept. Fillers and empty Braille cells, which are letters to a program, are removed.
            return text if self.verbatim or text.isspace() else ""
        return text


MAX_WRITTEN_PHONE_LENGTH = 100


class Phone(Text):
    """A telephone number in any notation that has, or can be shortened to, 20 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_WRITTEN_PHONE_LENGTH, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> str:
        number = phones.readable(super()._deserialize(value, attr, data, **more))
        if number is None:
            raise ValidationError(
                f"Must be a telephone number of at most {phones.MAX_LENGTH} characters, such as +509 2812 0000."
            )
        return number


class Identifier(fields.Field[UUID]):
    """A UUID in its text form with hyphens. Dumped as a UUID, which the serializer writes as text."""

    default_error_messages = {"invalid": "Must be a UUID with hyphens."}  # noqa: RUF012 - as marshmallow declares it

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
    """A moment in time: RFC 3339 with an offset from UTC. Dumped in UTC."""

    default_error_messages = {  # noqa: RUF012 - as marshmallow declares it
        "invalid": "Must be an RFC 3339 date and time, such as 2026-01-31T12:00:00+00:00.",
        "offset": "Must include an offset from UTC, such as Z or +02:00.",
        "plus": "Contains a space where the plus sign of the offset is expected. In a URL, write %2B for +.",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> dt.datetime:
        if isinstance(value, str) and _LOST_PLUS.fullmatch(value):
            raise self.make_error("plus")
        try:
            # RFC 3339 allows t and z in lower case; Python does not.
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
    """An integer between two bounds, both included. A fraction, a text or a boolean is refused."""

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


class Version(BoundedInteger):
    """The version that the caller saw. If it is no longer the present one, the answer is `conflict`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=2**31 - 1, **options)


class Choice(fields.String):
    """One of a few words, such as a status."""

    def __init__(self, words: Sequence[str], **options: Any) -> None:
        listed = ", ".join(words)
        super().__init__(validate=validate.OneOf(words, error=f"Must be one of: {listed}."), **options)


class OneOrList(fields.Field[list[Any]]):
    """One value or a list of 1 to 50 values; loaded as a list."""

    def __init__(self, inner: fields.Field[Any], **options: Any) -> None:
        self.inner = inner
        super().__init__(**options)

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        """Bind the inner field under the name of this field, as marshmallow's `List` does."""
        super()._bind_to_schema(field_name, parent)
        self.inner = deepcopy(self.inner)
        self.inner._bind_to_schema(field_name, self)  # noqa: SLF001 - marshmallow's hook for containers

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if not 1 <= len(values) <= MAX_CHOICES:
            raise ValidationError(f"Must be one value or a list of 1 to {MAX_CHOICES} values.")
        return [self.inner.deserialize(one) for one in values]


class Number(fields.Field[float]):
    """A finite number between two bounds, both included."""

    def __init__(self, *, min_value: float, max_value: float, **options: Any) -> None:
        self.min_value = min_value
        self.max_value = max_value
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Must be a number.")
        try:
            number = float(value)
        except OverflowError:
            raise ValidationError("Must be a finite number.") from None
        if not math.isfinite(number):
            raise ValidationError("Must be a finite number.")
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
    """Check that a value is a GeoJSON position ``[longitude, latitude]`` (RFC 7946, 3.1.1) in range.

    Args:
        position: Any value.
        max_longitude: The largest longitude in degrees; more than 180 for a ring that crosses the antimeridian.

    Raises:
        ValidationError: The value is not a position, or is out of range.
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
    """A location: a GeoJSON ``Point`` (lon, lat) with an optional ``address`` of at most 500 characters.

    Args:
        address_suffices: Whether the coordinates may be missing, null or empty when there is an address. The location
            is then loaded as the address alone.
        options: The options of a marshmallow field.
    """

    def __init__(self, *, address_suffices: bool = False, **options: Any) -> None:
        self.address_suffices = address_suffices
        super().__init__(**options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(
                'Must be a GeoJSON Point, such as {"type": "Point", "coordinates": [lon, lat]}.'
            )
        problems: dict[str, list[str]] = {
            str(name): ["Unknown field."] for name in value.keys() - {"type", "coordinates", "address"}
        }
        address = None
        try:
            address = _ADDRESS.deserialize(value.get("address"))
        except ValidationError:
            problems["address"] = [f"Must be text of at most {MAX_ADDRESS_LENGTH} characters."]
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
    """The paging arguments of every list. Subclasses add the filters.

    ``cursor`` is the ``next_cursor`` of the previous page; ``limit`` is 1 to 500, 50 by default.
    """

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2000))
    limit = BoundedInteger(min_value=1, max_value=MAX_LIMIT, load_default=DEFAULT_LIMIT)


class PageResult(Result):
    """A page of a list; `page_of` makes the subclasses.

    Attributes:
        item: The schema of the items.
    """

    item: ClassVar[type[Result]]


def page_of(item: type[Result]) -> type[PageResult]:
    """Return the schema of a page: ``items``, and ``next_cursor``, which is null on the last page."""
    declared = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_cursor": fields.String(allow_none=True, required=True),
    }
    return type(f"PageOf{item.__name__}", (PageResult,), {"item": item, **declared})


def load(schema: Schema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments, checked and converted.

    Raises:
        Invalid: At least one argument is wrong; ``fields`` names each of them.
    """
    try:
        return schema.load(arguments)  # type: ignore[no-any-return] # a Schema without `many` loads one dict
    except ValidationError as error:
        raise invalid(error.messages) from None


def invalid(messages: Any) -> Invalid:
    """Return marshmallow's nested messages as an `Invalid` with dotted field names."""
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
