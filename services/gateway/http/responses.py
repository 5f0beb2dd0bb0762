"""Renders the results of services as responses: JSON with an ETag, pages, GeoJSON, CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson
from flask import Response, request
from werkzeug.http import parse_dict_header

from services.gateway.http.errors import NotAcceptable
from shared.domain.exporting import feature, pages
from shared.platform.schemas import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.domain.exporting import Call, Table

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
CSV: Final = "text/csv"


def json_response(result: Mapping[str, Any], *, status: int = 200, has_etag: bool = False) -> Response:
    """Return the result as JSON, with its version as the ETag if it has one.

    A GET whose If-None-Match names that version is answered with 304.
    """
    response = Response(orjson.dumps(result), status=status, content_type=JSON)
    if has_etag:
        response.set_etag(str(result["version"]))
        response.headers["Cache-Control"] = "private, no-cache"
        if request.method in ("GET", "HEAD"):
            response.make_conditional(request)
    else:
        response.headers["Cache-Control"] = "no-store"
    return response


def as_preferred(response: Response) -> Response:
    """Return the response to a write without its body, if the caller prefers that (RFC 7240, ``return=minimal``)."""
    preferences = parse_dict_header(",".join(request.headers.getlist("Prefer")))
    if response.status_code not in (200, 201) or preferences.get("return") != "minimal":
        return response
    response.set_data(b"")
    response.status_code = 204
    del response.headers["Content-Type"]
    response.headers["Preference-Applied"] = "return=minimal"
    return response


def nothing() -> Response:
    """Return a response without a body."""
    return Response(status=204, headers={"Cache-Control": "no-store"})


def chosen_type(offered: Sequence[str]) -> str:
    """Return the one of the offered types that the Accept header prefers; the first of several with equal weight.

    Raises:
        NotAcceptable: The Accept header allows none of them.
    """
    if not request.accept_mimetypes:
        return offered[0]
    best = request.accept_mimetypes.best_match(offered)
    if best is None:
        raise NotAcceptable(f"This resource is available as {' or '.join(offered)}.", offered=list(offered))
    return best


def page_response(page: dict[str, Any], media_type: str, geometry: str | None) -> Response:
    """Return a page, with a Link header to the next one."""
    content = page if media_type == JSON or geometry is None else _features(page, geometry)
    response = Response(orjson.dumps(content), content_type=media_type)
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if page.get("next_cursor"):
        query = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
        query.append(("cursor", page["next_cursor"]))
        response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return response


def csv_response(call: Call, method: str, arguments: dict[str, Any], table: Table) -> Response:
    """Return all rows of a list from the cursor on, read page by page while the client receives them.

    A ``limit`` is that of each page. Where a later page fails, the connection is closed early: a client must not
    take half a list for the whole.

    Raises:
        ImpactXError: The first page failed.
    """
    arguments = {"limit": MAX_LIMIT, **arguments}
    first = call(method, arguments)
    name = method.partition(".")[2].removeprefix("list_")
    return Response(
        table.lines(call, pages(call, method, arguments, first)),
        content_type="text/csv; charset=utf-8; header=present",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "no-store",
            "Vary": "Accept",
        },
    )


def _features(page: dict[str, Any], geometry: str) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [feature(item, geometry) for item in page["items"]],
        **{name: value for name, value in page.items() if name != "items"},
    }
