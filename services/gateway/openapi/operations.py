"""Describes routes for the OpenAPI document: parameters, bodies, responses and permissions of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from marshmallow import Schema, fields

from services.gateway.http import errors, requests, responses
from shared.client.types.methods import METHODS
from shared.platform.rpc.operation import ANYONE, SIGNED_IN

if TYPE_CHECKING:
    from services.gateway.routes.route import Route
    from shared.platform.schemas import Result

ALWAYS: Final = {
    "invalid": "Some input is wrong; `fields` says what and why.",
    "unauthenticated": "The token is missing, expired or not genuine.",
    "rate_limited": "Too many requests; Retry-After says when to come again.",
    "unavailable": "A service cannot answer now.",
    "timeout": "A service did not answer in time.",
    "internal": "A service or the gateway has a fault; a repeat would meet it again.",
}
"""What every operation may answer instead."""

FORBIDDEN: Final = {"forbidden": "The permission is lacking, or is lacking in the region."}
NOT_FOUND: Final = {"not_found": "There is no such thing, or it may not be seen."}

PREFER: Final = {
    "in": "header",
    "name": "Prefer",
    "description": "`return=minimal` for an answer without the thing (RFC 7240).",
    "schema": {"type": "string"},  # what is not understood there is no fault (RFC 7240, section 2)
    "example": "return=minimal",
}


TABLE_OPTIONS: Final = (
    {
        "in": "query",
        "name": requests.BYTE_ORDER_MARK,
        "description": "For CSV: whether the file begins with a byte order mark, by which spreadsheets know UTF-8.",
        "schema": {"type": "boolean", "default": False},
    },
    {
        "in": "query",
        "name": requests.TIME_ZONE,
        "description": "For CSV: the time zone of its times, such as America/Port-au-Prince; UTC by default.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 100},
        "example": "America/Port-au-Prince",
    },
)


class Problem(Schema):
    """Problem details (RFC 9457), with every further member that any of them has."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    slug = fields.String(required=True)
    correlation_id = fields.String(required=True)
    fields_ = fields.Dict(data_key="fields", keys=fields.String(), values=fields.List(fields.String()))
    version = fields.Integer(metadata={"description": "The present version of the thing."})
    current_status = fields.String(metadata={"description": "The present status of the thing."})
    legal = fields.List(fields.String(), metadata={"description": "The statuses that may follow it."})
    capacity = fields.Integer(allow_none=True)
    current_usage = fields.Integer()
    remaining = fields.Integer(
        allow_none=True, metadata={"description": "What is left of the capacity, or of the quota in bytes."}
    )
    permission = fields.Raw(
        metadata={
            "type": ["string", "array"],
            "items": {"type": "string"},
            "description": "The permission that is lacking, or several of which one is needed.",
        }
    )
    lacking = fields.List(fields.String(), metadata={"description": "The permissions that the caller lacks."})
    accepted = fields.List(
        fields.String(), metadata={"description": "The types of content that are accepted."}
    )
    offered = fields.List(fields.String(), metadata={"description": "The types of content that are offered."})
    limit = fields.Integer(metadata={"description": "The greatest size that is accepted, in bytes."})
    scope = fields.String(
        metadata={"description": "Which quota of files is used up: `account`, `report` or `total`."}
    )
    quota = fields.Integer(metadata={"description": "The bytes that this quota allows."})
    retry_after = fields.Integer(metadata={"description": "Seconds to wait."})


PROBLEM: Final = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
"""The content of every failure. apispec would make the schema anew for each of the 885 places that name its class."""


def describe(route: Route) -> dict[str, Any]:
    """The operation of the document, with schemas for apispec to resolve."""
    contract = METHODS[route.method]
    described: dict[str, Any] = {
        "operationId": route.operation,
        "summary": contract.summary,
        "description": _description(route),
        "x-rpc-method": route.method,
        "x-permission": list(contract.permission),
        "parameters": _parameters(route),
        "responses": dict(sorted(_responses(route).items())),
    }
    if ANYONE in contract.permission:
        described["security"] = []
    if route.verb != "GET" and route.body_fields:
        types = requests.PATCH_TYPES if route.verb == "PATCH" else requests.JSON_TYPES
        body = type(route.arguments)(exclude=tuple(route.forbidden_fields), partial=("id",))
        described["requestBody"] = {
            "required": route.body_required,
            "content": {media_type: {"schema": body} for media_type in types},
        }
    return described


def problems(statuses: dict[str, str]) -> dict[str, Any]:
    """The responses for failures by slug, with what each means."""
    return {
        str(errors.STATUS[slug].value): {
            "description": reason,
            "content": {errors.MEDIA_TYPE: dict(PROBLEM)},
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
    if route.verb == "GET" and route.body_fields:
        only = type(route.arguments)(exclude=tuple(route.forbidden_fields))
        found.append({"in": "query", "schema": only})
    if route.csv:
        found += TABLE_OPTIONS
    if route.is_versioned:
        found.append(
            header(
                "If-Match",
                "The ETag of the response in which the thing was seen.",
                '"1"',
                required=route.needs_version,
                form={"pattern": '^"[1-9][0-9]{0,9}"$', "minLength": 3, "maxLength": 12},
            )
        )
    if route.location_template:
        found.append(idempotency_key())
    if route.verb != "GET" and route.result is not None:
        found.append(PREFER)
    return found


def idempotency_key() -> dict[str, Any]:
    """The parameter of every operation that makes something."""
    return header(
        "Idempotency-Key",
        "Makes a repeat harmless: the same key with the same body returns what the first one made.",
        "0197f3c8-first-try",
        form={"minLength": 1, "maxLength": requests.MAX_KEY_LENGTH},
    )


def header(
    name: str, about: str, example: str, *, required: bool = False, form: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A parameter that is a header of the request; ``form`` says what else than a text it must be."""
    return {
        "in": "header",
        "name": name,
        "description": about,
        "required": required,
        "schema": {"type": "string", **(form or {})},
        "example": example,
    }


def _responses(route: Route) -> dict[str, Any]:
    too_long = {"414": {"description": "The address is over 64 KiB."}} if route.verb == "GET" else {}
    return _done(route) | problems(_refusals(route)) | too_long


def _done(route: Route) -> dict[str, Any]:
    headers = {"X-Request-ID": response_header("The id under which the request is logged.")}
    if route.result is None:
        return {"204": {"description": "Done.", "headers": headers}}
    if route.has_etag:
        headers["ETag"] = response_header("The version, for If-Match and If-None-Match.")
    if route.is_kept:
        headers["ETag"] = response_header("The version of the list, for If-None-Match.")
    if route.location_template:
        headers["Location"] = response_header("Where it is.")
    if route.item is not None and "next_cursor" in route.result().fields:
        headers["Link"] = response_header("To the next page, as `next`, unless this is the last one.")
    content: dict[str, Any] = {responses.JSON: {"schema": route.result}}
    if route.geometry:
        content[responses.GEOJSON] = {"schema": {"$ref": "#/components/schemas/FeatureCollection"}}
    if route.csv:
        content[responses.CSV] = {"schema": {"type": "string"}}
    done = {"description": _about(route.result), "content": content, "headers": headers}
    found = {"201" if route.location_template else "200": done}
    if route.verb != "GET":
        minimal = "Done, and the thing is left out because Prefer asks for it."
        found["204"] = {"description": minimal, "headers": headers}
    if route.verb == "GET" and (route.has_etag or route.is_kept):
        found["304"] = {"description": "It has the version that If-None-Match names.", "headers": headers}
    return found


def _refusals(route: Route) -> dict[str, str]:
    """What the route may answer instead, by slug, with the reason."""
    contract = METHODS[route.method]
    found = dict(ALWAYS)
    if ANYONE not in contract.permission:
        found |= FORBIDDEN
    if route.in_path:
        found |= NOT_FOUND
    if route.verb != "GET":
        found["conflict"] = "The state of the thing does not allow it."
    if route.verb != "GET" and route.body_fields:
        found["too_large"] = "The body is over 1 MiB."
        found["unsupported_media_type"] = "The body is not JSON."
        found["request_timeout"] = "The body did not arrive in time."
    if route.needs_version:
        found["precondition_required"] = "If-Match is missing."
    if route.is_versioned:
        found["precondition_failed"] = "It was changed meanwhile; `version` is the present one."
    if route.item is not None:
        found["not_acceptable"] = f"Accept asks for something else than {', '.join(route.media_types)}."
    return found | {slug: reason.replace("``", "`") for slug, reason in contract.errors.items()}


def response_header(about: str) -> dict[str, Any]:
    """A header of the response."""
    return {"description": about, "schema": {"type": "string"}}


def _about(result: type[Result]) -> str:
    text = result.__doc__ if "__doc__" in result.__dict__ else None
    return (text or "A page.").partition("\n")[0].replace("``", "`")
