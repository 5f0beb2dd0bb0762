"""Serves the situation page at ``/``: one HTML document, its style sheet and modules, and Leaflet from its wheel.

Everything is read when the gateway starts and served from memory. Nothing is loaded from another address except the
tiles of the map, if ``IMPACTX_TILE_URL`` names some; the Content-Security-Policy makes the browser enforce that.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Response, abort, request
from jinja2 import Environment

from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from flask import Flask

    from shared.platform.settings import Settings

STATIC: Final = Path(__file__).parent / "static"
DOCUMENT: Final = "index.html"
LEAFLET: Final = ("leaflet.js", "leaflet.css", "images/layers.png", "images/layers-2x.png")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{tiles}; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
MIN_COMPRESSED: Final = 1024
"""Bytes; smaller files are not worth it."""

_TYPES: Final = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml"}
_SUBDOMAIN: Final = re.compile(r"\{s\}")


@dataclass(frozen=True, slots=True)
class _Asset:
    """A file as it is sent: its bytes, the compressed bytes if that is worth it, and its type."""

    content: bytes
    compressed: bytes | None
    content_type: str
    etag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> _Asset:
        kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        is_text = kind in _TYPES.values()
        compressed = gzip.compress(content, mtime=0) if is_text and len(content) >= MIN_COMPRESSED else None
        etag = hashlib.sha256(content).hexdigest()[:32]
        return cls(content, compressed, f"{kind}; charset=utf-8" if is_text else kind, etag)

    def response(self, policy: str) -> Response:
        packs = self.compressed is not None and request.accept_encodings.quality("gzip") > 0
        body = self.compressed if self.compressed is not None and packs else self.content
        response = Response(body, content_type=self.content_type, headers=HEADERS)
        response.headers["Content-Security-Policy"] = policy
        if self.compressed is not None:
            response.vary.add("Accept-Encoding")
        if packs:
            response.headers["Content-Encoding"] = "gzip"
        response.set_etag(f"{self.etag}-gzip" if packs else self.etag)
        response.make_conditional(request)
        return response


def install(app: Flask, settings: Settings) -> None:
    """Serve the page and its parts.

    Raises:
        SettingError: The address of the tiles is not valid.
    """
    policy = POLICY.format(tiles=tile_source(settings.tile_url))
    environment = Environment(autoescape=True)
    assets = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.is_file()}
    text = assets.pop(DOCUMENT).decode()
    document = environment.from_string(text).render(
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
        heartbeat=settings.http_heartbeat,
    )
    assets |= {f"leaflet/{name}": _leaflet(name).read_bytes() for name in LEAFLET}
    page = _Asset.of(DOCUMENT, document.encode())
    parts = {name: _Asset.of(name, content) for name, content in assets.items()}

    def show() -> Response:
        return page.response(policy)

    def part(name: str) -> Response:
        if name not in parts:
            abort(404)
        return parts[name].response(policy)

    app.add_url_rule("/", "page", show)
    app.add_url_rule("/page/<path:name>", "page_part", part)
    # Browsers request this address for every other page of ours.
    app.add_url_rule("/favicon.ico", "icon", lambda: part("icon.svg"))


def _leaflet(name: str) -> Traversable:
    """Return a file of Leaflet's distribution, from the wheel that contains it."""
    return files("js_lib_leaflet") / "static" / "js_lib_leaflet" / name


def tile_source(url: str) -> str:
    """Return the source that the policy has to allow for images beside our own address, after a blank.

    Raises:
        SettingError: The address of the tiles is not valid.
    """
    if not url or (url.startswith("/") and not url.startswith("//")):
        return ""
    where = urlsplit(_SUBDOMAIN.sub("*", url))
    is_host = re.fullmatch(r"(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?", where.netloc)
    if where.scheme not in ("http", "https") or not is_host:
        raise SettingError(
            f"IMPACTX_TILE_URL must have the form https://tiles.example/{{z}}/{{x}}/{{y}}.png, not {url!r}."
        )
    return f" {where.scheme}://{where.netloc}"
