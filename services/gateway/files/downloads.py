"""Sends a stored file, or a range of it, in blocks while the client receives them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from services.gateway.files.types import MEDIA_TYPES, name_for
from shared.client.errors import NotFound

if TYPE_CHECKING:
    from services.gateway.files.storage import FileStore
    from shared.client.types.reports import Attachment


def send(store: FileStore, attachment: Attachment) -> Response:
    """Return the bytes of an attachment; a browser saves them, and neither shows nor runs them.

    Raises:
        NotFound: The bytes are missing, because their upload was interrupted.
        RequestedRangeNotSatisfiable: The range begins after the end.
    """
    size = store.size(attachment["file_path"])
    if size is None:
        raise NotFound("The content of this attachment was never uploaded completely. Attach the file again.")
    mime_type = attachment["mime_type"]
    name = name_for(
        attachment["file_name"], mime_type
    )  # also for those that were recorded before names followed types
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
    """Return the requested range; the whole file for several ranges, or for a range of another version."""
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
