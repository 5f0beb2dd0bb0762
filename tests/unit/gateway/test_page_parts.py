"""How the situation page and its parts are sent, and what the browser is told to refuse."""

from __future__ import annotations

import gzip
import re

import pytest

from services.gateway.web.page import STATIC
from shared.platform.settings import SettingError
from tests.support.gateway import application

TILES = "https://{s}.tiles.example/{z}/{x}/{y}.png"


@pytest.fixture(scope="module")
def client():
    return application().test_client()


def policy(response):
    given = response.headers["Content-Security-Policy"]
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in given.split(";"))}


def test_the_browser_may_load_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.content_type == "text/html; charset=utf-8"
    assert policy(page) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


def test_nothing_names_another_address(client):
    for path in STATIC.iterdir():
        named = set(re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9.]+", path.read_text(encoding="utf-8")))
        assert named <= {"http://www.w3.org"}, path.name


def test_every_part_that_is_named_is_there(client):
    document = client.get("/").text
    named = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', document))
    modules = set(re.findall(r'from "\./([a-z]+\.js)"', "".join(p.read_text() for p in STATIC.glob("*.js"))))
    addresses = named | {f"/page/{name}" for name in modules}
    assert len(addresses) >= 12
    for address in addresses:
        assert client.get(address).status_code == 200, address
    assert client.get("/page/../page.py").status_code == 404
    assert client.get("/page/nothing.js").status_code == 404


def test_parts_are_compressed_for_who_can_read_that(client):
    plain = client.get("/page/leaflet/leaflet.js")
    assert "Leaflet 1.9.4" in plain.text
    assert "Content-Encoding" not in plain.headers
    packed = client.get("/page/leaflet/leaflet.js", headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    refused = client.get("/page/leaflet/leaflet.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert refused.data == plain.data


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_what_is_known_is_not_sent_again(client, encoding):
    headers = {"Accept-Encoding": encoding}
    first = client.get("/page/app.js", headers=headers)
    again = client.get("/page/app.js", headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (TILES, "https://*.tiles.example"),
        ("http://tiles.example:8080/{z}/{x}/{y}.png?key=a&b", "http://tiles.example:8080"),
        ("/tiles/{z}/{x}/{y}.png", None),
    ],
)
def test_tiles_come_from_where_the_operator_says(url, source):
    page = application(tile_url=url, tile_attribution='<b>© "them"').test_client().get("/")
    allowed = policy(page)["img-src"].split()
    assert allowed == ["'self'", "data:", *([source] if source else [])]
    escaped = url.replace("&", "&amp;")
    assert f'<meta name="tile-url" content="{escaped}">' in page.text
    assert "&lt;b&gt;© &#34;them&#34;" in page.text


@pytest.mark.parametrize(
    "url", ["tiles", "ftp://a.example/", "//a.example/", "https://", "https://a b/", "https://a;b"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(SettingError, match="IMPACTX_TILE_URL"):
        application(tile_url=url)


def luminance(colour):
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


STYLE = (STATIC / "page.css").read_text(encoding="utf-8")
LIGHT = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", STYLE.partition("@media")[0]))
DARK = LIGHT | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", STYLE.partition("prefers-color-scheme")[2]))
TEXTS = [
    *((text, paper) for text in ("ink", "quiet", "act", "wrong", "done") for paper in ("paper", "ground")),
    ("wrong", "wrong-paper"),
    ("ink", "new"),
    ("region-name", "land"),
    *(("#fff", ground) for ground in ("brand", "fill", "fill-hover")),
]


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "paper"), TEXTS)
def test_text_can_be_read_in_both_schemes(colours, text, paper):
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    assert contrast(colours.get(text, text), colours[paper]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["alert-critical", "alert-high", "alert-medium", "alert-low", "coast"])
def test_lines_of_the_map_can_be_seen_in_both_schemes(colours, line):
    """WCAG 2.2, 1.4.11: at least 3 to 1."""
    assert contrast(colours[line], colours["land"]) >= 3


def test_the_marks_of_the_legend_can_be_read():
    marks = re.findall(r"^\.mark[^{]*\{[^}]*background: (#[0-9a-f]+)", STYLE, re.MULTILINE)
    assert len(marks) >= 3
    for ground in marks:
        assert contrast("#00695c" if ground == "#fff" else "#fff", ground) >= 4.5, ground


def test_both_schemes_name_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    assert LIGHT != DARK
