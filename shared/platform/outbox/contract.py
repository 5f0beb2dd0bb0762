"""What a contract of an event is."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import INCLUDE, Schema


class EventData(Schema):
    """The data of an event. Listeners let pass what a later version adds, so fields may be added but not change."""

    class Meta:
        """Open for additions."""

        unknown = INCLUDE


@dataclass(frozen=True, slots=True)
class Contract:
    """One event that a service emits.

    Attributes:
        source: The service.
        name: The event's name, which is its CloudEvents type and its routing key.
        schema: Its data.
        version: Grows when a listener that knows the version before could misread the data.
    """

    source: str
    name: str
    schema: type[EventData]
    version: int = 1

    @property
    def dataschema(self) -> str:
        """The CloudEvents ``dataschema`` attribute."""
        return f"urn:impactx:event:{self.source}:{self.name}:{self.version}"
