"""Sends a stored file, whole or a part of it, in blocks as the client takes them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from services.gateway.files.types import MEDIA_TYPES, name_for
from shared.client.errors import NotFound

if TYPE_CHECKING:
    from services.gateway.files.storage import FileStore


def send(store: FileStore, attachment: dict[str, Any]) -> Response:
    """The bytes of an attachment; a browser saves them and never shows or runs them.

    Raises:
        NotFound: The bytes are not there, because their upload was broken off.
        RequestedRangeNotSatisfiable: The range begins behind the end.
    """
    size = store.size(attachment["file_path"])
    if size is None:
        raise NotFound("The bytes of this attachment have not arrived; attach the file again.")
    mime_type = attachment["mime_type"]
    name = name_for(attachment["file_name"], mime_type)  # also of those that came before names followed types
    start, stop = _range(size, attachment["sha256"])
    response = Response(
        store.read(attachment["file_path"], start, stop),
        content_type=mime_type if mime_type in MEDIA_TYPES else "application/octet-stream",
        headers={
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Length": str(stop - start),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )
    if attachment["sha256"]:
        response.set_etag(attachment["sha256"])
    if stop - start < size:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        return response
    response.make_conditional(request)
    return response


def _range(size: int, etag: str | None) -> tuple[int, int]:
    """Which bytes are asked for; all of them where several ranges are, or those of another content."""
    asked = request.range
    condition = request.headers.get("If-Range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return 0, size
    if condition is not None and condition != f'"{etag}"':
        return 0, size
    found = asked.range_for_length(size)
    if found is None:
        raise RequestedRangeNotSatisfiable(length=size)
    return found
