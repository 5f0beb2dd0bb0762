"""Pages of lists that say their version: what did not change is neither asked for, rendered nor sent again.

Such a list takes ``known_version`` and answers ``unchanged`` without reading anything when that is still right. The
ETag of a page is that version and a digest of what was asked, so an If-None-Match says which version a client has.
What was rendered last is kept for those who have nothing yet. The caller's token goes with every question to the
service, which checks it; the answer itself is the same for everybody who may see the list.
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
    """The last rendered pages, up to `MAX_BYTES`, the most recently asked for.

    Args:
        max_bytes: How large all of them may be together.
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
        """Return the page as bytes, or 304 where the client has it.

        Args:
            method: ``service.method``.
            arguments: Of the call.
            media_type: Of the response.
            call: Calls the service on behalf of the caller.
            render: Makes a response of a page.

        Raises:
            ImpactXError: What the service answered, or that no answer came.
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
    """The version of this page that the client has, from If-None-Match."""
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
    """The same bytes with headers of its own, which the rest of the application adds to."""
    return Response(response.get_data(), status=response.status_code, headers=response.headers.copy())
