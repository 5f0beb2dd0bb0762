"""Describes routes for the OpenAPI document: parameters, bodies, responses and permissions of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from marshmallow import Schema, fields

from services.gateway import answers, errors, requests
from shared.contracts.api.methods import METHODS
from shared.rpc.operation import ANYONE, SIGNED_IN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.schemas import Arguments, Result

NAMES_IN_RULE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
GATEWAY_FILLS: Final = frozenset({"address", "version"})


class Problem(Schema):
    """Problem details (RFC 9457). Some have further members: a conflict may list the ``legal`` statuses."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    slug = fields.String(required=True)
    correlation_id = fields.String(required=True)
    fields_ = fields.Dict(data_key="fields", keys=fields.String(), values=fields.List(fields.String()))
    legal = fields.List(fields.String())
    retry_after = fields.Integer()


@dataclass(frozen=True)
class Route:
    """One RPC method at one address; see `services.gateway.blueprint.ResourceBlueprint.offer`."""

    verb: str
    rule: str
    method: str
    arguments: Arguments
    result: type[Result] | None
    made_at: str
    geometry: str
    csv: bool

    @cached_property
    def in_path(self) -> frozenset[str]:
        """The arguments that are in the address."""
        return frozenset(NAMES_IN_RULE.findall(self.rule))

    @cached_property
    def said(self) -> frozenset[str]:
        """The arguments that the caller says in the query or in the body."""
        hidden = self.in_path | (frozenset() if self.verb == "GET" else GATEWAY_FILLS)
        return frozenset(self.arguments.fields) - hidden

    @cached_property
    def must_be_said(self) -> bool:
        """Whether any of those is required."""
        return any(self.arguments.fields[name].required for name in self.said - {"id"})

    @cached_property
    def is_versioned(self) -> bool:
        """Whether If-Match has to say which version is meant."""
        return "version" in self.arguments.fields

    @cached_property
    def has_etag(self) -> bool:
        """Whether the answer is the thing that the address, or the Location, names, and has a version."""
        names_it = self.made_at.endswith("{id}") or (self.verb != "POST" and bool(self.in_path))
        return names_it and self.result is not None and "version" in self.result().fields

    @cached_property
    def has_address(self) -> bool:
        """Whether the service wants to know where the caller is."""
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
        """What a page is offered as."""
        offered = [answers.JSON]
        offered += [answers.GEOJSON] if self.geometry else []
        return offered + ([answers.CSV] if self.csv else [])


def describe(route: Route) -> dict[str, Any]:
    """The operation of the document, with schemas for apispec to resolve."""
    contract = METHODS[route.method]
    described: dict[str, Any] = {
        "operationId": route.method.partition(".")[2],
        "summary": contract.summary,
        "description": _description(route),
        "x-rpc-method": route.method,
        "x-permission": list(contract.permission),
        "parameters": _parameters(route),
        "responses": dict(sorted(_responses(route).items())),
    }
    if ANYONE in contract.permission:
        described["security"] = []
    if route.verb != "GET" and route.said:
        types = requests.PATCH_TYPES if route.verb == "PATCH" else requests.JSON_TYPES
        unsaid = tuple(route.arguments.fields.keys() - route.said)
        body = type(route.arguments)(exclude=unsaid, partial=("id",))
        described["requestBody"] = {
            "required": route.must_be_said,
            "content": {media_type: {"schema": body} for media_type in types},
        }
    return described


def describe_transfer(method: str, summary: str, *, made: type[Result] | None = None) -> dict[str, Any]:
    """The operation for an upload that makes something, or else for a download.

    Args:
        method: The RPC method whose permission and refusals it has.
        summary: What it does.
        made: What an upload makes.
    """
    contract = METHODS[method]
    described = {
        "summary": summary,
        "description": f"Needs the permission {' or '.join(f'`{name}`' for name in contract.permission)}.",
        "x-rpc-method": method,
        "x-permission": list(contract.permission),
    }
    refusals = {
        "invalid": "Some input is wrong; `fields` says what and why.",
        "unauthenticated": "The token is missing, expired or not genuine.",
        "forbidden": "The permission is lacking, or is lacking in the region.",
        "rate_limited": "Too many requests; Retry-After says when to come again.",
        "unavailable": "A service cannot answer now.",
        "timeout": "A service did not answer in time.",
    }
    if made is None:
        return described | _download() | {"responses": _bytes() | problems(refusals | contract.errors)}
    refusals |= {
        "too_large": "The file is larger than is accepted.",
        "unsupported_media_type": "The content is of no type that is accepted, or the body is not multipart.",
        "request_timeout": "The file arrives too slowly.",
    }
    done = {
        "description": "What is known of the file.",
        "content": {answers.JSON: {"schema": made}},
        "headers": {"Location": _said("Where it is.")},
    }
    return described | _upload() | {"responses": {"201": done} | problems(refusals | contract.errors)}


def _upload() -> dict[str, Any]:
    properties = {
        "file": {"type": "string", "format": "binary"},
        "id": {"type": "string", "format": "uuid", "description": "Makes a repeat harmless."},
    }
    form = {"type": "object", "required": ["file"], "additionalProperties": False, "properties": properties}
    return {
        "operationId": "add_attachment",
        "parameters": [_idempotency_key()],
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
    }


def _download() -> dict[str, Any]:
    ranges = _header("Range", "Which bytes; one range.", "bytes=0-1023")
    return {"operationId": "get_attachment_content", "parameters": [ranges]}


def _bytes() -> dict[str, Any]:
    content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "200": {"description": "All bytes.", "content": content},
        "206": {"description": "The bytes of the range.", "content": content},
        "304": {"description": "It is what If-None-Match names."},
        "416": {
            "description": "The range begins behind the end.",
            "content": {errors.MEDIA_TYPE: {"schema": Problem}},
        },
    }


def _idempotency_key() -> dict[str, Any]:
    return _header(
        "Idempotency-Key",
        "Makes a repeat harmless: the same key with the same body returns what the first one made.",
        "0197f3c8-first-try",
    )


def problems(statuses: dict[str, str]) -> dict[str, Any]:
    """The responses for failures by slug, with what each means."""
    return {
        str(errors.STATUS[slug].value): {
            "description": reason,
            "content": {errors.MEDIA_TYPE: {"schema": Problem}},
        }
        for slug, reason in statuses.items()
    }


def _description(route: Route) -> str:
    contract = METHODS[route.method]
    about = " ".join((type(route.arguments).__doc__ or "").replace("``", "`").split())
    if ANYONE in contract.permission:
        needs = "Needs no token."
    elif SIGNED_IN in contract.permission:
        needs = "Needs a valid token."
    else:
        needs = "Needs the permission " + " or ".join(f"`{name}`" for name in contract.permission) + "."
    return f"{about}\n\n{needs}"


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if route.verb == "GET" and route.said:
        only = type(route.arguments)(exclude=tuple(route.in_path))
        found.append({"in": "query", "schema": only})
    if route.is_versioned:
        found.append(
            _header("If-Match", "The ETag of the response in which the thing was seen.", '"1"', required=True)
        )
    if route.made_at:
        found.append(_idempotency_key())
    return found


def _header(name: str, about: str, example: str, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": requests.LONGEST_KEY}
    return {
        "in": "header",
        "name": name,
        "description": about,
        "required": required,
        "schema": schema,
        "example": example,
    }


def _responses(route: Route) -> dict[str, Any]:
    too_long = {"414": {"description": "The address is over 64 KiB."}} if route.verb == "GET" else {}
    return _done(route) | problems(_refusals(route)) | too_long


def _done(route: Route) -> dict[str, Any]:
    headers = {"X-Request-ID": _said("The id under which the request is logged.")}
    if route.result is None:
        return {"204": {"description": "Done.", "headers": headers}}
    if route.has_etag:
        headers["ETag"] = _said("The version, for If-Match and If-None-Match.")
    if route.made_at:
        headers["Location"] = _said("Where it is.")
    if route.item is not None and "next_cursor" in route.result().fields:
        headers["Link"] = _said("To the next page, as `next`, unless this is the last one.")
    content: dict[str, Any] = {answers.JSON: {"schema": route.result}}
    if route.geometry:
        content[answers.GEOJSON] = {"schema": {"$ref": "#/components/schemas/FeatureCollection"}}
    if route.csv:
        content[answers.CSV] = {"schema": {"type": "string"}}
    done = {"description": _about(route.result), "content": content, "headers": headers}
    found = {"201" if route.made_at else "200": done}
    if route.verb == "GET" and route.has_etag:
        found["304"] = {"description": "It has the version that If-None-Match names.", "headers": headers}
    return found


def _refusals(route: Route) -> dict[str, str]:
    """What the route may answer instead, by slug, with the reason."""
    contract = METHODS[route.method]
    found = {
        "invalid": "Some input is wrong; `fields` says what and why.",
        "rate_limited": "Too many requests; Retry-After says when to come again.",
        "unavailable": "A service cannot answer now.",
        "timeout": "A service did not answer in time.",
    }
    if ANYONE not in contract.permission:
        found["forbidden"] = "The permission is lacking, or is lacking in the region."
    found["unauthenticated"] = "The token is missing, expired or not genuine."
    if route.in_path:
        found["not_found"] = "There is no such thing, or it may not be seen."
    if route.verb != "GET":
        found["conflict"] = "The state of the thing does not allow it."
    if route.verb != "GET" and route.said:
        found["too_large"] = "The body is over 1 MiB."
        found["unsupported_media_type"] = "The body is not JSON."
        found["request_timeout"] = "The body did not arrive in time."
    if route.is_versioned:
        found["precondition_required"] = "If-Match is missing."
        found["precondition_failed"] = "It was changed meanwhile; `version` is the present one."
    if route.item is not None:
        found["not_acceptable"] = f"Accept asks for something else than {', '.join(route.media_types)}."
    return found | {slug: reason.replace("``", "`") for slug, reason in contract.errors.items()}


def _said(about: str) -> dict[str, Any]:
    return {"description": about, "schema": {"type": "string"}}


def _about(result: type[Result]) -> str:
    text = result.__doc__ if "__doc__" in result.__dict__ else None
    return (text or "A page.").partition("\n")[0].replace("``", "`")
