"""A route: one RPC method at one address, and the facts that follow from its schemas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypedDict

from marshmallow import Schema, fields

from services.gateway.http import responses
from services.gateway.http.page_cache import KNOWN_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.platform.schemas import Arguments, Result

NAMES_IN_RULE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
GATEWAY_FILLS: Final = frozenset({"address", "version"})


class Offering(TypedDict, total=False):
    """How a method is offered, beside its address; see `services.gateway.routes.blueprint.ResourceBlueprint.offer`."""

    location_template: str
    geometry: str
    csv: bool
    name: str


@dataclass(frozen=True)
class Route:
    """One RPC method at one address; see `services.gateway.routes.blueprint.ResourceBlueprint.offer`."""

    verb: str
    rule: str
    method: str
    arguments: Arguments
    result: type[Result] | None
    location_template: str = ""
    geometry: str = ""
    csv: bool = False
    name: str = ""

    @cached_property
    def operation(self) -> str:
        """The name of the operation in the document."""
        return self.name or self.method.partition(".")[2]

    @cached_property
    def in_path(self) -> frozenset[str]:
        """The arguments that the address contains."""
        return frozenset(NAMES_IN_RULE.findall(self.rule))

    @cached_property
    def body_fields(self) -> frozenset[str]:
        """The arguments that the caller sends in the body, or in the query of a GET."""
        hidden = self.in_path | ({KNOWN_VERSION} if self.verb == "GET" else GATEWAY_FILLS)
        return frozenset(self.arguments.fields) - hidden

    @cached_property
    def forbidden_fields(self) -> frozenset[str]:
        """The arguments that the caller must not send there."""
        return frozenset(type(self.arguments)._declared_fields) - self.body_fields  # noqa: SLF001 - what else lists them

    @cached_property
    def body_required(self) -> bool:
        """Whether any of those has to be sent."""
        return any(self.arguments.fields[name].required for name in self.body_fields - {"id"})

    @cached_property
    def is_versioned(self) -> bool:
        """Whether If-Match names the version that is meant."""
        return "version" in self.arguments.fields

    @cached_property
    def needs_version(self) -> bool:
        """Whether If-Match is required."""
        return self.is_versioned and self.arguments.fields["version"].required

    @cached_property
    def has_etag(self) -> bool:
        """Whether the response is the object that the address or the Location names, and has a version."""
        names_it = self.location_template.endswith(("{id}", "{name}")) or (
            self.verb != "POST" and bool(self.in_path)
        )
        return names_it and self.result is not None and "version" in self.result().fields

    @cached_property
    def is_kept(self) -> bool:
        """Whether it is a list that has a version, so that its pages are cached."""
        return KNOWN_VERSION in self.arguments.fields

    @cached_property
    def has_address(self) -> bool:
        """Whether the service needs the network address of the caller."""
        return "address" in self.arguments.fields

    @cached_property
    def item(self) -> Schema | None:
        """The schema of the items, where the result is a page, or a list that is offered as GeoJSON."""
        declared = {} if self.result is None else self.result().fields
        items = declared.get("items")
        if not isinstance(items, fields.List) or not isinstance(items.inner, fields.Nested):
            return None
        return items.inner.schema if self.geometry or "next_cursor" in declared else None

    @cached_property
    def media_types(self) -> Sequence[str]:
        """The media types of a page."""
        offered = [responses.JSON]
        offered += [responses.GEOJSON] if self.geometry else []
        return offered + ([responses.CSV] if self.csv else [])
