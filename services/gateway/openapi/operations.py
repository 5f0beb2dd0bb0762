"""Describes routes for the OpenAPI document: the parameters, bodies, responses and permissions of each."""

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
    "invalid": "Some input is not valid; `fields` names each field and the reason.",
    "unauthenticated": "The token is missing, expired, revoked or not valid; get a new one.",
    "rate_limited": "Too many requests. Retry-After gives the seconds to wait.",
    "unavailable": "A service is temporarily unavailable. Repeat the request later.",
    "timeout": "A service did not answer in time. The request can be repeated.",
    "internal": "A service or the gateway has a fault; a repeat would fail again.",
}
"""The errors that every operation may answer with."""

PRESENT: Final = (
    " The permissions of the account at this moment count, and not those of the token;"
    " while they cannot be asked, the operation is refused with the status 503."
)
"""Behind the description of an operation that checks the present state."""

FORBIDDEN: Final = {"forbidden": "The caller does not have the permission, or not in this region."}
NOT_FOUND: Final = {"not_found": "The object does not exist, or the caller may not see it."}

PREFER: Final = {
    "in": "header",
    "name": "Prefer",
    "description": "`return=minimal` leaves the object out of the response (RFC 7240).",
    "schema": {"type": "string"},  # an unknown preference is no error (RFC 7240, section 2)
    "example": "return=minimal",
}


TABLE_OPTIONS: Final = (
    {
        "in": "query",
        "name": requests.BYTE_ORDER_MARK,
        "description": "For CSV: whether to begin the file with a byte order mark, for spreadsheets.",
        "schema": {"type": "boolean", "default": False},
    },
    {
        "in": "query",
        "name": requests.TIME_ZONE,
        "description": "For CSV: the time zone of all times, such as America/Port-au-Prince; the default is UTC.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 100},
        "example": "America/Port-au-Prince",
    },
)


class Problem(Schema):
    """Problem details (RFC 9457), with all members that the problems of this interface have."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    slug = fields.String(required=True)
    correlation_id = fields.String(required=True)
    fields_ = fields.Dict(data_key="fields", keys=fields.String(), values=fields.List(fields.String()))
    version = fields.Integer(metadata={"description": "The current version of the object."})
    current_status = fields.String(metadata={"description": "The current status of the object."})
    legal = fields.List(
        fields.String(), metadata={"description": "The statuses that may follow the current one."}
    )
    capacity = fields.Integer(allow_none=True)
    current_usage = fields.Integer()
    remaining = fields.Integer(
        allow_none=True, metadata={"description": "What remains of the capacity, or of the quota in bytes."}
    )
    permission = fields.Raw(
        metadata={
            "type": ["string", "array"],
            "items": {"type": "string"},
            "description": "The missing permission, or several of which one is needed.",
        }
    )
    lacking = fields.List(
        fields.String(), metadata={"description": "The permissions that the caller does not have."}
    )
    accepted = fields.List(fields.String(), metadata={"description": "The accepted content types."})
    offered = fields.List(fields.String(), metadata={"description": "The available content types."})
    needs_approval = fields.Boolean(
        metadata={"description": "Whether another person has to approve the alert."}
    )
    priority = fields.String(metadata={"description": "The priority of the alert."})
    reason = fields.String(
        metadata={
            "description": "Why the token is refused before it expires: `deactivated`, `role_revoked`,"
            " `permissions_changed`, `password_changed`, `sessions_closed`, `signed_out` or `token_reused`."
        }
    )
    limit = fields.Integer(metadata={"description": "The largest accepted size, in bytes."})
    scope = fields.String(
        metadata={"description": "The quota that is used up: `account`, `report` or `total`."}
    )
    quota = fields.Integer(metadata={"description": "The size of this quota, in bytes."})
    retry_after = fields.Integer(metadata={"description": "The seconds to wait before the next attempt."})


PROBLEM: Final = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
"""The content of every failure. apispec would make the schema anew for each of the 885 places that name its class."""


def describe(route: Route) -> dict[str, Any]:
    """Return the operation of the document, with schemas for apispec to resolve."""
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
    about = " ".join((type(route.arguments).__doc__ or "").replace("``", "`").split()) + "\n\n"
    if ANYONE in contract.permission:
        needs = "Needs no token."
    elif SIGNED_IN in contract.permission:
        needs = "Needs a valid token."
    else:
        needs = "Needs the permission " + " or ".join(f"`{name}`" for name in contract.permission) + "."
    return (
        (about if route.arguments.fields else "") + needs + (PRESENT if contract.checks_present_state else "")
    )


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
                "The ETag of the version that you want to change.",
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
    """Return the parameter of every operation that creates an object."""
    return header(
        "Idempotency-Key",
        "Makes a repeat safe: the same key with the same body returns the object that the first request created.",
        "0197f3c8-first-try",
        form={"minLength": 1, "maxLength": requests.MAX_KEY_LENGTH},
    )


def header(
    name: str, about: str, example: str, *, required: bool = False, form: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a parameter that is a header of the request; ``form`` restricts its text."""
    return {
        "in": "header",
        "name": name,
        "description": about,
        "required": required,
        "schema": {"type": "string", **(form or {})},
        "example": example,
    }


def _responses(route: Route) -> dict[str, Any]:
    too_long = {"414": {"description": "The URI is longer than 64 KiB."}} if route.verb == "GET" else {}
    return _done(route) | problems(_refusals(route)) | too_long


def _done(route: Route) -> dict[str, Any]:
    headers = {"X-Request-ID": response_header("The id under which the request is logged.")}
    if route.result is None:
        return {"204": {"description": "The request succeeded; there is no content.", "headers": headers}}
    if route.has_etag:
        headers["ETag"] = response_header("The version of the object, for If-Match and If-None-Match.")
    if route.is_kept:
        headers["ETag"] = response_header("The version of the list, for If-None-Match.")
    if route.location_template:
        headers["Location"] = response_header("The address of the new object.")
    if route.item is not None and "next_cursor" in route.result().fields:
        headers["Link"] = response_header('The next page, with `rel="next"`; missing on the last page.')
    content: dict[str, Any] = {responses.JSON: {"schema": route.result}}
    if route.geometry:
        content[responses.GEOJSON] = {"schema": {"$ref": "#/components/schemas/FeatureCollection"}}
    if route.csv:
        content[responses.CSV] = {"schema": {"type": "string"}}
    done = {"description": _about(route.result), "content": content, "headers": headers}
    found = {"201" if route.location_template else "200": done}
    if route.verb != "GET":
        minimal = "The request succeeded; the object is left out, as Prefer asks for."
        found["204"] = {"description": minimal, "headers": headers}
    if route.verb == "GET" and (route.has_etag or route.is_kept):
        found["304"] = {
            "description": "The client has the current version, which If-None-Match names.",
            "headers": headers,
        }
    return found


def _refusals(route: Route) -> dict[str, str]:
    """Return the errors that the route may answer with, by slug, with the reason of each."""
    contract = METHODS[route.method]
    found = dict(ALWAYS)
    if ANYONE not in contract.permission:
        found |= FORBIDDEN
    if route.in_path:
        found |= NOT_FOUND
    if route.verb != "GET":
        found["conflict"] = "The state of the object does not allow this."
    if route.verb != "GET" and route.body_fields:
        found["too_large"] = "The body is larger than 1 MiB."
        found["unsupported_media_type"] = "The body is not JSON."
        found["request_timeout"] = "The body did not arrive in time."
    if route.needs_version:
        found["precondition_required"] = "If-Match is missing."
    if route.is_versioned:
        found["precondition_failed"] = (
            "The object was changed in the meantime; `version` is the current version."
        )
    if route.item is not None:
        found["not_acceptable"] = f"The Accept header allows none of {', '.join(route.media_types)}."
    return found | {slug: reason.replace("``", "`") for slug, reason in contract.errors.items()}


def response_header(about: str) -> dict[str, Any]:
    """Return a header of the response."""
    return {"description": about, "schema": {"type": "string"}}


def _about(result: type[Result]) -> str:
    text = result.__doc__ if "__doc__" in result.__dict__ else None
    return (text or "A page of the list.").partition("\n")[0].replace("``", "`")
