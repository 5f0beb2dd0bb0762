"""Describes schemas for the OpenAPI document: their names, the JSON Schema of each field, and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from services.identity.schemas import fields as identity_fields
from shared.domain import geo_filters
from shared.platform import schemas

if TYPE_CHECKING:
    from apispec import APISpec
    from apispec.ext.marshmallow.openapi import OpenAPIConverter

DESCRIPTION: Final = """The HTTP interface of ImpactX.

Sign in with `POST /api/v1/auth/login` and send the access token as `Authorization: Bearer …`. Lists have pages of
`limit` items; the `Link` header (or `next_cursor`) leads to the next page. To change an object, send the ETag of the
version that you read as `If-Match`. To create an object so that the request can be repeated safely, send an
`Idempotency-Key`, or choose the `id` (UUIDv7) yourself. Errors are problem details (RFC 9457) with a stable `slug`; an
object that you may not see is `not_found`. If you send an `X-Request-ID`, it is returned, and every service logs it."""

POINT: Final = {
    "type": "object",
    "required": ["type", "coordinates"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "const": "Point"},
        "coordinates": {
            "type": "array",
            "prefixItems": [
                {"type": "number", "minimum": -180, "maximum": 180},
                {"type": "number", "minimum": -90, "maximum": 90},
            ],
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 3,
        },
        "address": {"type": ["string", "null"], "maxLength": 500},
    },
}
PLACE: Final = {
    "oneOf": [
        POINT,
        {
            "type": "object",
            "description": "An address, if the coordinates are not known.",
            "required": ["address"],
            "additionalProperties": False,
            "properties": {
                "type": {"type": ["string", "null"], "enum": ["Point", None]},
                "coordinates": {"type": ["array", "null"], "items": {"type": "number"}, "maxItems": 0},
                "address": {"type": "string", "minLength": 1, "maxLength": 500},
            },
        },
    ]
}
_RINGS: Final = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "array",
        "minItems": 4,
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3},
    },
}


def _geometry(kind: str, coordinates: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"A GeoJSON {kind} (RFC 7946). Every ring must end at its first position.",
        "required": ["type", "coordinates"],
        "additionalProperties": False,
        "properties": {"type": {"type": "string", "const": kind}, "coordinates": coordinates},
    }


POLYGONS: Final = {
    "Polygon": _geometry("Polygon", _RINGS),
    "MultiPolygon": _geometry("MultiPolygon", {"type": "array", "items": _RINGS, "minItems": 1}),
}
OUTLINE: Final = {"oneOf": [{"$ref": f"#/components/schemas/{kind}"} for kind in POLYGONS]}
PREFERENCES: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "regions": {"type": "array", "items": {"type": "string"}, "maxItems": 200},
        "all_regions": {"type": "boolean"},
        "language": {"type": "string"},
        "time_zone": {"type": "string"},
    },
}
FEATURES: Final = {
    "type": "object",
    "description": "GeoJSON (RFC 7946): the items as features, with their other fields as properties.",
    "required": ["type", "features"],
    "properties": {
        "type": {"type": "string", "const": "FeatureCollection"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "id", "geometry", "properties"],
                "properties": {
                    "type": {"type": "string", "const": "Feature"},
                    "id": {"type": "string"},
                    "geometry": {"type": ["object", "null"]},
                    "properties": {"type": "object"},
                },
            },
        },
        "next_cursor": {"type": ["string", "null"]},
        "detail": {"type": "string", "description": "For regions: the level of detail of the boundaries."},
    },
}

EXAMPLES: Final[dict[str, Any]] = {
    "id": "01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f",
    "title": "Bridge washed away",
    "description": "The bridge is gone; about forty people are cut off on the other bank.",
    "location": {"type": "Point", "coordinates": [-72.53, 18.23], "address": "Jacmel"},
    "reported_at": "2026-01-31T12:00:00Z",
    "status": "confirmed",
    "Problem.status": 422,
    "Resource.status": "available",
    "AvailableResource.status": "available",
    "NearResource.status": "available",
    "ResourceHistoryEntry.status": "limited",
    "ChangeResourceStatus.status": "limited",
    "notes": "Seen by the river watch.",
    "resolution_notes": "A ferry is running.",
    "message": "The river is over its banks; go to higher ground.",
    "priority": "high",
    "language": "fr",
    "target_type": "region",
    "target_id": "01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f",
    "status_entered": "confirmed",
    "title_template": "{title}",
    "message_template": "{title} was confirmed in {region}.",
    "content": "The ford upstream can be passed on foot.",
    "email": "ada@impactx.example",
    "password": "a long enough password",
    "current_password": "a long enough password",
    "new_password": "another long enough password",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "phone": "+509 2812 0000",
    "preferences": {"regions": ["HT"], "language": "ht"},
    "code": "HT-SE",
    "role": "responder",
    "color_code": "#D32F2F",
    "level": 4,
    "capacity": 120,
    "current_usage": 35,
    "usage_change": 4,
    "contact_email": "shelter@impactx.example",
    "lon": -72.53,
    "lat": 18.23,
}
"""Values for the fields of all schemas, by field, or by ``Schema.field`` where its name is not enough."""


def marshmallow_plugin() -> MarshmallowPlugin:
    """Return apispec's plugin with our fields and names."""
    return _Plugin(schema_name_resolver=_name)


def complete(document: dict[str, Any]) -> bytes:
    """Return the document as JSON, with what concerns all operations added."""
    parts = document["components"]
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for unused in ("ErrorSchema", "PaginationMetadataSchema"):  # flask-smorest's own
        parts["schemas"].pop(unused, None)
    parts["schemas"] |= {"FeatureCollection": FEATURES, **POLYGONS}
    document["security"] = [{"token": []}]
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


class _Plugin(MarshmallowPlugin):
    """apispec's plugin with the JSON Schema of our fields."""

    def init_spec(self, spec: APISpec) -> None:
        """Add the descriptions of our fields. Called by apispec."""
        super().init_spec(spec)
        if self.converter is not None:
            self.converter.add_attribute_function(_form)  # type: ignore[no-untyped-call]
            self.converter.add_parameter_attribute_function(_parameter)


def _name(schema: type[Schema] | Schema) -> str:
    """Return the name of a schema in the document."""
    kind = schema if isinstance(schema, type) else type(schema)
    return f"{_name(kind.item)}Page" if issubclass(kind, schemas.PageResult) else kind.__name__


def _form(converter: OpenAPIConverter, field: fields.Field[Any], *, ret: dict[str, Any]) -> dict[str, Any]:
    """Return what apispec cannot know: the JSON Schema of our own fields, and an example."""
    form: dict[str, Any] = dict(_own_form(converter, field))
    if "pattern" in ret:  # Python's syntax, and `re.match` is anchored at the beginning
        form["pattern"] = "^" + ret["pattern"].removeprefix("^").replace(r"\Z", "$")
    if "type" in form and field.allow_none and isinstance(form["type"], str):
        form["type"] = [form["type"], "null"]
    if "oneOf" in form and field.allow_none:
        form["oneOf"] = [*form["oneOf"], {"type": "null"}]
    name = field.data_key or field.name
    parent = type(field.parent).__name__ if isinstance(field.parent, Schema) else ""
    example = EXAMPLES.get(f"{parent}.{name}", EXAMPLES.get(str(name)))
    if example is not None:
        form["examples"] = [[example] if isinstance(field, schemas.OneOrList) else example]
    return form


def _own_form(converter: OpenAPIConverter, field: fields.Field[Any]) -> dict[str, Any]:  # noqa: PLR0911 - one line for each kind
    if isinstance(field, schemas.Identifier):
        return {"type": "string", "format": "uuid"}
    if isinstance(field, schemas.Timestamp):
        return {"type": "string", "format": "date-time"}
    if isinstance(field, schemas.Location):
        return PLACE if field.address_suffices else POINT
    if isinstance(field, identity_fields.Boundaries | geo_filters.Area | geo_filters.Outline):
        return OUTLINE
    if isinstance(field, identity_fields.Preferences):
        return PREFERENCES
    if isinstance(field, geo_filters.Box):
        return {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    if isinstance(field, schemas.OneOrList):
        inner = converter.field2property(field.inner)
        return {"type": "array", "items": inner, "minItems": 1, "maxItems": schemas.MAX_CHOICES}
    if isinstance(field, schemas.Number):
        return {"type": "number", "minimum": field.min_value, "maximum": field.max_value}
    if isinstance(field, schemas.Text):
        min_value = {} if field.blank else {"minLength": 1}
        return {"type": "string", "maxLength": field.max_length, **min_value}
    return {}


def _parameter(
    _converter: OpenAPIConverter, field: fields.Field[Any], *, ret: dict[str, Any]
) -> dict[str, Any]:
    """Return the style of a query parameter, which cannot be null."""
    _without_null(ret["schema"])
    if isinstance(field, schemas.OneOrList | fields.List):
        return {"style": "form", "explode": True}
    if isinstance(field, geo_filters.Box):
        return {"style": "form", "explode": False}
    if isinstance(field, geo_filters.Area):
        return {"content": {"application/json": {"schema": ret.pop("schema")}}}
    if isinstance(field, fields.Nested):
        return {
            "style": "form",
            "explode": False,
            "description": "A circle: longitude,latitude,radius, with the radius in metres.",
            "schema": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
        }
    return {}


def _without_null(form: dict[str, Any]) -> None:
    if isinstance(form.get("type"), list):
        form["type"] = next(kind for kind in form["type"] if kind != "null")
    if "default" in form and form["default"] is None:
        del form["default"]
    if None in form.get("enum", ()):
        form["enum"] = [value for value in form["enum"] if value is not None]
