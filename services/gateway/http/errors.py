"""Answers every failure with problem details (RFC 9457): errors of the services, of HTTP itself, and faults."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from services.gateway.http.context import correlation_id
from shared.client.errors import ImpactXError
from shared.platform.http.parser import MalformedBodyError, SlowBodyError

if TYPE_CHECKING:
    from flask import Flask

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2
"""After how long to try again, where the error does not say."""

STATUS: Final[dict[str, HTTPStatus]] = {
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    # of the gateway's own
    "precondition_required": HTTPStatus.PRECONDITION_REQUIRED,
    "precondition_failed": HTTPStatus.PRECONDITION_FAILED,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "not_acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "request_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "misdirected_request": HTTPStatus.MISDIRECTED_REQUEST,
    "insufficient_storage": HTTPStatus.INSUFFICIENT_STORAGE,
}
"""The status of each kind of failure; the slug is in the problem's ``slug`` and at the end of its ``type``."""

_SLUGS: Final = {status.value: slug for slug, status in STATUS.items()}


class PreconditionRequired(ImpactXError):
    """The If-Match header is required: send the ETag of the version that you want to change."""

    slug = "precondition_required"


class PreconditionFailed(ImpactXError):
    """The version has changed since the one in If-Match."""

    slug = "precondition_failed"


class UnsupportedMediaType(ImpactXError):
    """The content type of the body is not supported."""

    slug = "unsupported_media_type"


class NotAcceptable(ImpactXError):
    """This resource is not available in a type that the Accept header allows."""

    slug = "not_acceptable"


class RequestTimeout(ImpactXError):
    """The body of the request did not arrive in time."""

    slug = "request_timeout"


class MisdirectedRequest(ImpactXError):
    """The Host header names no host of this server."""

    slug = "misdirected_request"


class InsufficientStorage(ImpactXError):
    """There is no room for the file at present."""

    slug = "insufficient_storage"


def install(app: Flask) -> None:
    """Answer every failure of a request with problem details."""
    app.register_error_handler(ImpactXError, _of_the_set)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(MalformedBodyError, _of_the_body)
    app.register_error_handler(SlowBodyError, lambda error: _of_the_set(RequestTimeout(str(error))))
    app.register_error_handler(Exception, _fault)


def _of_the_set(error: ImpactXError) -> Response:
    response = _problem(error.slug, STATUS[error.slug], error.message, _members(error))
    if error.slug == "unauthenticated":
        response.headers["WWW-Authenticate"] = 'Bearer realm="impactx"'
    if error.slug == "rate_limited":
        response.headers["Retry-After"] = str(error.details.get("retry_after", RETRY_SECONDS))
    if error.slug in ("unavailable", "timeout"):
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if error.slug == "precondition_failed" and "version" in error.details:
        response.set_etag(str(error.details["version"]))
    return response


def _of_http(error: HTTPException) -> Response:
    if isinstance(error, ClientDisconnected):  # what werkzeug makes of every error while it reads a body
        if isinstance(error.__context__, SlowBodyError):
            return _of_the_set(RequestTimeout(str(error.__context__)))
        if isinstance(error.__context__, MalformedBodyError):
            return _of_the_body(error.__context__)
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    response = _problem(_SLUGS.get(status.value, status.name.lower()), status, status.description or "")
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _of_the_body(error: MalformedBodyError) -> Response:
    return _problem("bad_request", HTTPStatus.BAD_REQUEST, str(error))


def _fault(error: Exception) -> Response:
    logger.error("%s %s [%s]", request.method, request.path, correlation_id(), exc_info=error)
    return _problem(
        "internal",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"The gateway has failed. Its log gives the reason under the correlation id {correlation_id()}.",
    )


def _members(error: ImpactXError) -> dict[str, Any]:
    """Return the details of an error; the status of an object must not replace that of the response."""
    details = {"current_status" if name == "status" else name: value for name, value in error.details.items()}
    return details | ({"fields": error.fields} if error.fields else {})


def _problem(slug: str, status: HTTPStatus, detail: str, members: dict[str, Any] | None = None) -> Response:
    standard = {
        "type": f"urn:impactx:problem:{slug}",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "instance": request.path,
        "slug": slug,
        "correlation_id": correlation_id(),
    }
    return Response(orjson.dumps((members or {}) | standard), status=status.value, content_type=MEDIA_TYPE)
