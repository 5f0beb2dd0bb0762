"""Reads requests: what a service is to be called with, out of the address, the body and the headers.

Only the form is looked at here; whether a value is right is for the service to say, which knows the same schema.
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
from shared.domain.geo_filters import Area, Box, Circle, OneOrList
from shared.platform.concurrency import Timeout
from shared.platform.schemas import Number

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
"""The namespace of ids that are made from idempotency keys."""

_CIRCLE: Final = ("lon", "lat", "radius_m")


def json_object(types: Collection[str], *, may_be_missing: bool) -> dict[str, Any]:
    """The body, which has to be a JSON object.

    Raises:
        UnsupportedMediaType: It is of another type.
        RequestTimeout: It did not arrive in time.
        TooLarge: It is over 1 MiB.
        Invalid: It is not JSON, no object, nested too deep, or contains a NUL.
    """
    try:
        with Timeout(gateway().settings.http_body_seconds, RequestTimeout()):
            # one byte more than is accepted, for a body in chunks is cut off there without a word
            request.max_content_length = MAX_BODY + 1
            body = request.get_data(cache=False)
    except TimeoutError as error:
        raise RequestTimeout(str(error)) from None
    if len(body) > MAX_BODY:
        raise TooLarge(f"The body may have at most {MAX_BODY} bytes.", limit=MAX_BODY)
    if not body and may_be_missing:
        return {}
    if request.mimetype not in types:
        raise UnsupportedMediaType(f"Send the body as {types[0] if isinstance(types, tuple) else types}.")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise not_json(body, "body", error) from None
    if not isinstance(found, dict):
        raise Invalid("The body must be a JSON object.")
    check_value(found)
    return found


def refuse_unknown(given: Collection[str], reserved: Collection[str]) -> None:
    """Refuses fields that the caller may not say here, such as an id that the address says already.

    Raises:
        Invalid: It names them.
    """
    wrong = sorted(set(given) & set(reserved))
    if wrong:
        raise Invalid(fields=dict.fromkeys(wrong, NO_SUCH_FIELD))


def refuse_query() -> None:
    """Refuses every parameter of the query where none has a meaning.

    Raises:
        Invalid: It names them.
    """
    refuse_unknown(request.args.keys(), request.args.keys())


def query_arguments(schema: Schema) -> dict[str, Any]:
    """The query string as the arguments of a method with this schema.

    A list is said by repeating the name or with commas; a box is ``west,south,east,north``; a circle
    ``lon,lat,radius_m``; an area is GeoJSON. What cannot be read so is passed on as it is, to be refused by name.

    Raises:
        Invalid: Something is given twice that can only be given once.
    """
    found: dict[str, Any] = {}
    for name in request.args:
        values = request.args.getlist(name)
        field = schema.fields.get(name)
        if isinstance(field, OneOrList | fields.List):
            found[name] = [_plain(field.inner, part) for value in values for part in value.split(",")]
        elif len(values) > 1:
            raise Invalid(fields={name: ["Given more than once."]})
        else:
            found[name] = _value(field, values[0])
    check_value(found)
    return found


def table_options(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a CSV file is to be written (``zone``, ``mark``), and the arguments without that.

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
    """The version that the caller wants to change, from If-Match.

    Raises:
        PreconditionRequired: There is no If-Match, or it is ``*``, which says nothing about what was seen.
        PreconditionFailed: It is nothing that an ETag of ours could be.
    """
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        raise PreconditionRequired
    version = header[1:-1] if header.startswith('"') and header.endswith('"') else ""
    if not _VERSION.fullmatch(version) or int(version) > MAX_VERSION:
        raise PreconditionFailed(_etag_problem(header), fields={"If-Match": [_etag_problem(header)]})
    return int(version)


def _etag_problem(header: str) -> str:
    """What is wrong with an If-Match that is no ETag of ours."""
    weak = header.removeprefix("W/").strip('"')
    if header.startswith("W/") and _VERSION.fullmatch(weak):
        return f'If-Match compares strong ETags only, and {header} is a weak one: send "{weak}".'
    if "," in header:
        return "If-Match must name one ETag, that of the version that you saw."
    if _VERSION.fullmatch(header):
        return f'An ETag is in double quotes: send "{header}".'
    return 'If-Match must be the ETag of the response in which you saw the thing, such as "1".'


def idempotent_id(method: str) -> str | None:
    """The id that the caller's Idempotency-Key stands for, always the same one; None without a key.

    Raises:
        Invalid: The key is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        raise Invalid(fields={"Idempotency-Key": [f"Must have 1 to {MAX_KEY_LENGTH} characters."]})
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


def _value(field: Any, text: str) -> Any:
    if isinstance(field, Box):
        return [_number(part) for part in text.split(",")]
    if isinstance(field, Area):
        return _json(text)
    if isinstance(field, fields.Nested) and isinstance(field.schema, Circle):
        parts = text.split(",")
        if len(parts) != len(_CIRCLE):
            raise Invalid(fields={str(field.name): ["Must be longitude,latitude,radius in metres."]})
        return {name: _number(part) for name, part in zip(_CIRCLE, parts, strict=True)}
    return _plain(field, text)


def _plain(field: Any, text: str) -> Any:
    if isinstance(field, Number):
        return _number(text)
    if isinstance(field, fields.Integer):
        return int(text) if _WHOLE.fullmatch(text) else text
    if isinstance(field, fields.Boolean):
        return {"true": True, "false": False}.get(text, text)
    return text


def _number(text: str) -> float | str:
    """As a number where it is a finite one: JSON has no others."""
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else text


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
