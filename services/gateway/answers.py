"""Makes responses of what services return: JSON with an ETag, pages, GeoJSON, CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson
from flask import Response, request
from werkzeug.http import parse_dict_header

from services.gateway.errors import NotAcceptable
from shared.schemas import GREATEST_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
CSV: Final = "text/csv"

FORMULA_BEGINNINGS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""


def json_answer(result: Any, *, status: int = 200, has_etag: bool = False) -> Response:
    """The result as JSON; with its version as the ETag where it is to have one.

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
    """The answer to a write without the thing, where the caller prefers that (RFC 7240, ``return=minimal``)."""
    preferences = parse_dict_header(",".join(request.headers.getlist("Prefer")))
    if response.status_code not in (200, 201) or preferences.get("return") != "minimal":
        return response
    response.set_data(b"")
    response.status_code = 204
    del response.headers["Content-Type"]
    response.headers["Preference-Applied"] = "return=minimal"
    return response


def nothing() -> Response:
    """That it is done."""
    return Response(status=204, headers={"Cache-Control": "no-store"})


def chosen_type(offered: Sequence[str]) -> str:
    """Which of the types on offer the caller likes best; the first where it likes several alike.

    Raises:
        NotAcceptable: It likes none.
    """
    if not request.accept_mimetypes:
        return offered[0]
    best = request.accept_mimetypes.best_match(offered)
    if best is None:
        raise NotAcceptable(f"Here is only {', '.join(offered)}.", offered=list(offered))
    return best


def page_answer(page: dict[str, Any], media_type: str, geometry: str | None) -> Response:
    """One page, whose Link header leads to the next one."""
    content = page if media_type == JSON or geometry is None else _features(page, geometry)
    response = Response(orjson.dumps(content), content_type=media_type)
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    if page.get("next_cursor"):
        query = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
        query.append(("cursor", page["next_cursor"]))
        response.headers["Link"] = f'<{request.path}?{urlencode(query)}>; rel="next"'
    return response


def csv_answer(
    call: Callable[[str, dict[str, Any]], Any], method: str, arguments: dict[str, Any], columns: Sequence[str]
) -> Response:
    """Every row of a list from the cursor on, page by page as the client takes them; a limit is that of a page.

    Where a later page fails, the connection breaks off: a client must not take half a list for the whole.

    Raises:
        ImpactXError: The first page failed.
    """
    arguments = {"limit": GREATEST_LIMIT, **arguments}
    first = call(method, arguments)
    name = method.partition(".")[2].removeprefix("list_")
    return Response(
        _lines(call, method, arguments, columns, first),
        content_type="text/csv; charset=utf-8; header=present",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "no-store",
            "Vary": "Accept",
        },
    )


def csv_columns(names: Sequence[str]) -> list[str]:
    """The columns for the fields of a thing; a location takes three."""
    return [
        column
        for name in names
        for column in (("longitude", "latitude", "address") if name == "location" else (name,))
    ]


def _lines(
    call: Callable[[str, dict[str, Any]], Any],
    method: str,
    arguments: dict[str, Any],
    columns: Sequence[str],
    page: dict[str, Any],
) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore")
    writer.writeheader()
    while True:
        writer.writerows(_row(item) for item in page["items"])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
        if not page["next_cursor"]:
            return
        page = call(method, {**arguments, "cursor": page["next_cursor"]})


def _row(item: dict[str, Any]) -> dict[str, Any]:
    found = {name: _cell(value) for name, value in item.items()}
    location = item.get("location")
    if isinstance(location, dict):
        longitude, latitude = location.get("coordinates", [None, None])[:2]
        address = _cell(location.get("address"))
        found |= {"longitude": longitude, "latitude": latitude, "address": address}
    return found


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = orjson.dumps(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(FORMULA_BEGINNINGS):
        return f"'{value}"
    return value


def _features(page: dict[str, Any], geometry: str) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [_feature(item, geometry) for item in page["items"]],
        **{name: value for name, value in page.items() if name != "items"},
    }


def _feature(item: dict[str, Any], geometry: str) -> dict[str, Any]:
    place = item.get(geometry)
    properties = {name: value for name, value in item.items() if name not in ("id", geometry)}
    if place is not None and "address" in place:
        properties["address"] = place["address"]
        place = {name: value for name, value in place.items() if name != "address"} or None
    return {"type": "Feature", "id": item["id"], "geometry": place, "properties": properties}
