"""Caches pages of lists that have a version: what has not changed is neither read, rendered nor sent again.

Such a list takes ``known_version`` and answers ``unchanged``, without reading anything, while that is the version. The
ETag of a page consists of the version and a digest of the query, so an If-None-Match tells which version a client has.
The pages that were rendered last are kept for clients that have none yet. The caller's token goes with every call to
the service, which checks it; the page is the same for every caller who may see the list.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import orjson
from flask import Response, request

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN_VERSION: Final = "known_version"
MAX_BYTES: Final = 16 * 1024 * 1024
CACHE_CONTROL: Final = "private, no-cache"


class PageCache:
    """The pages that were asked for last, up to `MAX_BYTES` together.

    Args:
        max_bytes: Bytes of all of them together.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, tuple[str, Response]] = OrderedDict()

    def get(
        self,
        method: str,
        arguments: dict[str, Any],
        media_type: str,
        call: Callable[[str, dict[str, Any]], Any],
        render: Callable[[dict[str, Any]], Response],
    ) -> Response:
        """Return the page, or 304 where the client has it.

        Args:
            method: ``service.method``.
            arguments: The arguments of the call.
            media_type: The media type of the response.
            call: Calls the service on behalf of the caller.
            render: Renders a page as a response.

        Raises:
            ImpactXError: The service refused the call or did not answer.
        """
        asked = orjson.dumps([method, request.full_path, arguments, media_type], option=orjson.OPT_SORT_KEYS)
        key = hashlib.sha256(asked).hexdigest()[:32]
        theirs = _version_of(key)
        held = self._pages.get(key)
        if theirs is not None:
            page = call(method, {**arguments, KNOWN_VERSION: theirs})
            if page["unchanged"]:
                return _tagged(Response(status=304), theirs, key)
        elif held is not None:
            version, response = held
            page = call(method, {**arguments, KNOWN_VERSION: version})
            if page["unchanged"]:
                self._pages.move_to_end(key)
                return _copy(response)
        else:
            page = call(method, arguments)
        response = _tagged(render(page), page["version"], key)
        self._keep(key, page["version"], response)
        return _copy(response)

    def _keep(self, key: str, version: str, response: Response) -> None:
        former = self._pages.pop(key, None)
        if former is not None:
            self._bytes -= len(former[1].get_data())
        self._pages[key] = (version, response)
        self._bytes += len(response.get_data())
        while self._bytes > self._max_bytes:
            _, (_, oldest) = self._pages.popitem(last=False)
            self._bytes -= len(oldest.get_data())


def _version_of(key: str) -> str | None:
    """Return the version of this page that the client has, from If-None-Match."""
    for tag in request.if_none_match.as_set(include_weak=True):
        version, _, asked = tag.rpartition("-")
        if asked == key and version:
            return version
    return None


def _tagged(response: Response, version: str, key: str) -> Response:
    # Weak: two replicas may write the same page with other blanks or digits.
    response.set_etag(f"{version}-{key}", weak=True)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary.add("Accept")
    return response


def _copy(response: Response) -> Response:
    """Return the same bytes with headers of their own, to which the rest of the application adds."""
    return Response(response.get_data(), status=response.status_code, headers=response.headers.copy())
