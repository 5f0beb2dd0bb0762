"""The filters of the lists of several services: several values at once, and areas."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from marshmallow import ValidationError, fields, validate

from shared.domain.boundaries import GeometryError, check_structure, normalise
from shared.platform.schemas import Arguments, Latitude, Longitude, Number

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CHOICES: Final = 50
MAX_POSITIONS: Final = 2_000
EARTH_HALF_CIRCUMFERENCE: Final = 20_040_000
"""The largest distance on Earth in metres."""

BOX_LENGTH: Final = 4


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


class Box(fields.Field[tuple[float, float, float, float]]):
    """``[west, south, east, north]`` (RFC 7946, section 5).

    A box across the antimeridian has a west that is greater than its east.
    """

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> tuple[float, float, float, float]:
        if not isinstance(value, list) or len(value) != BOX_LENGTH:
            raise ValidationError("Must be [west, south, east, north].")
        west, south, east, north = (
            field.deserialize(part) for field, part in zip(_BOX_FIELDS, value, strict=True)
        )
        if south > north:
            raise ValidationError("South must not be greater than north.")
        return west, south, east, north


_BOX_FIELDS: Final = (Longitude(), Latitude(), Longitude(), Latitude())


class Circle(Arguments):
    """A location and a distance from it along the surface, in metres."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    radius_m = Number(min_value=0, max_value=EARTH_HALF_CIRCUMFERENCE, required=True)


class Outline(fields.Field[dict[str, Any]]):
    """A GeoJSON ``Polygon`` or ``MultiPolygon`` of up to 2,000 positions, cut where it crosses the antimeridian."""

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> dict[str, Any]:
        try:
            return normalise(check_structure(value, MAX_POSITIONS))
        except GeometryError as error:
            raise ValidationError(f"Must be a valid area: {error}") from None


class Area(fields.Field[list[list[list[list[float]]]]]):
    """A GeoJSON ``Polygon`` or ``MultiPolygon`` of at most 2,000 positions.

    An area that crosses the antimeridian is cut there into a MultiPolygon, as RFC 7946 (3.1.9) asks, unless the caller
    has done so.
    """

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> list[list[list[list[float]]]]:
        # Loaded as the coordinates of a MultiPolygon, so that statements need to know only one form.
        area: dict[str, Any] = _OUTLINE.deserialize(value)
        return [area["coordinates"]] if area["type"] == "Polygon" else area["coordinates"]


_OUTLINE: Final = Outline()
