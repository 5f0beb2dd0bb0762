"""Reads the arguments of an RPC method from a request: from its address, query, body and headers.

Only the form is checked here; the service checks the values, with the same schema.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import orjson
from flask import request
from marshmallow import fields

from services.gateway.http.context import current_caller, gateway
from services.gateway.http.errors import (
    MisdirectedRequest,
    PreconditionFailed,
    PreconditionRequired,
    RequestTimeout,
    UnsupportedMediaType,
)
from shared.client.errors import Invalid, TooLarge
from shared.client.request import MAX_BODY, check_value, not_json
from shared.domain.exporting import zone_of
from shared.domain.geo_filters import Area, Box, Circle
from shared.platform.concurrency import Timeout
from shared.platform.schemas import Number, OneOrList

if TYPE_CHECKING:
    from collections.abc import Collection

    from marshmallow import Schema

MAX_KEY_LENGTH: Final = 255
MAX_VERSION: Final = 2**31 - 1
BYTE_ORDER_MARK: Final = "bom"
TIME_ZONE: Final = "time_zone"
JSON_TYPES: Final = ("application/json",)
PATCH_TYPES: Final = ("application/json", "application/merge-patch+json")
NO_SUCH_FIELD: Final = ["Unknown field."]

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
UNSPECIFIED: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - these are no names

_WHOLE: Final = re.compile(r"-?[0-9]{1,15}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")
_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}")
_KEYS: Final = UUID("3f6b1f0c-6a55-5d5b-9a52-6f0d5c1b7e11")
"""The namespace of ids that are made of idempotency keys."""

_CIRCLE: Final = ("lon", "lat", "radius_m")


def json_object(types: Collection[str], *, may_be_missing: bool) -> dict[str, Any]:
    """Return the body, which has to be a JSON object.

    Raises:
        UnsupportedMediaType: Its content type is another.
        RequestTimeout: It did not arrive in time.
        TooLarge: It is larger than 1 MiB.
        Invalid: It is not a JSON object, is nested too deeply, or contains a NUL.
    """
    try:
        with Timeout(gateway().settings.http_body_seconds, RequestTimeout()):
            # one byte more than is accepted, because a body in chunks is cut off there without an error
            request.max_content_length = MAX_BODY + 1
            body = request.get_data(cache=False)
    except TimeoutError as error:
        raise RequestTimeout(str(error)) from None
    if len(body) > MAX_BODY:
        raise TooLarge(f"The body must not be larger than {MAX_BODY} bytes.", limit=MAX_BODY)
    if not body and may_be_missing:
        return {}
    if request.mimetype not in types:
        raise UnsupportedMediaType(f"The Content-Type of the body must be {' or '.join(types)}.")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise not_json(body, "body", error) from None
    if not isinstance(found, dict):
        raise Invalid("The body must be a JSON object.")
    check_value(found)
    return found


def refuse_unknown(given: Collection[str], reserved: Collection[str]) -> None:
    """Refuse fields that must not be sent here, such as an id that is already in the address.

    Raises:
        Invalid: There are any; ``fields`` names them.
    """
    wrong = sorted(set(given) & set(reserved))
    if wrong:
        raise Invalid(fields=dict.fromkeys(wrong, NO_SUCH_FIELD))


def refuse_query() -> None:
    """Refuse all query parameters, for an operation that has none.

    Raises:
        Invalid: There are any; ``fields`` names them.
    """
    refuse_unknown(request.args.keys(), request.args.keys())


def query_arguments(schema: Schema) -> dict[str, Any]:
    """Return the query string as arguments of a method with this schema.

    A list is written by repeating the name or with commas; a box as ``west,south,east,north``; a circle as
    ``lon,lat,radius_m``; an area as GeoJSON. What cannot be read so is passed on as text, for the service to refuse.

    Raises:
        Invalid: A parameter is given more than once that takes one value.
    """
    found: dict[str, Any] = {}
    for name in request.args:
        values = request.args.getlist(name)
        field = schema.fields.get(name)
        if isinstance(field, OneOrList | fields.List):
            found[name] = [_plain(field.inner, part) for value in values for part in value.split(",")]
        elif len(values) > 1:
            raise Invalid(fields={name: ["Must be given only once."]})
        else:
            found[name] = _value(field, values[0])
    check_value(found)
    return found


def table_options(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a CSV file (``zone``, ``mark``), and the arguments without them.

    Raises:
        Invalid: ``bom`` is neither true nor false, or there is no such time zone.
    """
    rest = dict(arguments)
    name, mark = rest.pop(TIME_ZONE, None), rest.pop(BYTE_ORDER_MARK, False)
    if mark not in (True, False, "true", "false"):
        raise Invalid(fields={BYTE_ORDER_MARK: ["Must be true or false."]})
    try:
        zone = None if name is None else zone_of(str(name))
    except ValueError as error:
        raise Invalid(fields={TIME_ZONE: [str(error)]}) from None
    return {"zone": zone, "mark": mark in (True, "true")}, rest


def version_seen() -> int:
    """Return the version that the caller wants to change, from If-Match.

    Raises:
        PreconditionRequired: If-Match is missing, or is ``*``, which names no version.
        PreconditionFailed: If-Match is no ETag of ours.
    """
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        raise PreconditionRequired
    version = header[1:-1] if header.startswith('"') and header.endswith('"') else ""
    if not _VERSION.fullmatch(version) or int(version) > MAX_VERSION:
        raise PreconditionFailed(_etag_problem(header), fields={"If-Match": [_etag_problem(header)]})
    return int(version)


def _etag_problem(header: str) -> str:
    """Return what is wrong with an If-Match that is no ETag of ours."""
    weak = header.removeprefix("W/").strip('"')
    if header.startswith("W/") and _VERSION.fullmatch(weak):
        return f'If-Match must be a strong ETag, but {header} is a weak one. Send "{weak}".'
    if "," in header:
        return "If-Match must contain one ETag only: that of the version that you want to change."
    if _VERSION.fullmatch(header):
        return f'The ETag in If-Match must be in double quotes. Send "{header}".'
    return 'If-Match must be the ETag of the version that you want to change, such as "1".'


def idempotent_id(method: str) -> str | None:
    """Return the id that the caller's Idempotency-Key stands for, always the same one; None without a key.

    Raises:
        Invalid: The key is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        raise Invalid(fields={"Idempotency-Key": [f"Must be 1 to {MAX_KEY_LENGTH} characters long."]})
    caller = current_caller()
    return str(uuid5(_KEYS, f"{caller.user_id if caller else 'anyone'} {method} {key}"))


def own_address() -> str:
    """Return the gateway's own address for documents that others keep and pass on, without a slash at its end.

    It is `Settings.http_public_url`, else that of the request, whose Host must be a name that the settings know: a
    document under ``Cache-Control: public`` would give everybody the name that one client has sent.

    Raises:
        MisdirectedRequest: The settings do not know the name in Host.
    """
    settings = gateway().settings
    if settings.http_public_url:
        return settings.http_public_url
    name = urlsplit(f"//{request.host}").hostname or ""
    configured = {host.strip("[]") for host in (*settings.http_hosts, settings.http_host.lower())}
    if name not in LOOPBACK | (configured - UNSPECIFIED):
        raise MisdirectedRequest(
            "The Host header names no host of this server. An operator can set IMPACTX_HTTP_PUBLIC_URL, or list the"
            " allowed names in IMPACTX_HTTP_HOSTS."
        )
    return request.host_url.rstrip("/")


def _value(field: fields.Field[Any] | None, text: str) -> object:
    if isinstance(field, Box):
        return [_number(part) for part in text.split(",")]
    if isinstance(field, Area):
        return _json(text)
    if isinstance(field, fields.Nested) and isinstance(field.schema, Circle):
        parts = text.split(",")
        if len(parts) != len(_CIRCLE):
            raise Invalid(
                fields={
                    str(field.name): [
                        "Must have the form longitude,latitude,radius with the radius in metres."
                    ]
                }
            )
        return {name: _number(part) for name, part in zip(_CIRCLE, parts, strict=True)}
    return _plain(field, text)


def _plain(field: fields.Field[Any] | None, text: str) -> object:
    if isinstance(field, Number):
        return _number(text)
    if isinstance(field, fields.Integer):
        return int(text) if _WHOLE.fullmatch(text) else text
    if isinstance(field, fields.Boolean):
        return {"true": True, "false": False}.get(text, text)
    return text


def _number(text: str) -> float | str:
    """Return a number where the text is a finite one, since JSON has no others; else the text."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


def _json(text: str) -> object:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return found
