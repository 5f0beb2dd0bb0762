"""The page keeps nobody from using it: axe-core finds nothing, in any state and scheme, and it can be printed."""

from __future__ import annotations

from importlib.resources import files

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.waiting import eventually

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  ({ violations }) => done(violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`))),
  (error) => done([String(error)]),
);
"""
TABS = ("live", "reports", "alerts", "resources", "filing")
SCHEMES = ("light", "dark")


def emulate(page, media="screen", scheme="light"):
    """Has the browser show the page on paper, or in a scheme of colours; motion is over before anybody looks."""
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


@pytest.fixture(params=SCHEMES)
def scheme(request, page):
    emulate(page, scheme=request.param)
    yield request.param
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def violations(page) -> list[str]:
    """What axe-core finds on the page as it is now."""
    if not page.driver.execute_script("return Boolean(window.axe)"):
        page.driver.execute_script(AXE)
    return page.driver.execute_async_script(RUN)


@pytest.fixture(scope="module", autouse=True)
def happened(system):
    system.has_happened()


def test_signing_in(page, scheme):
    page.may_be_refused = True
    assert violations(page) == []
    page.sign_in(password="a wrong password")
    page.says("#sign-in .problem", "password")
    assert violations(page) == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", TABS)
def test_the_map_with_each_list_and_form(page, system, scheme, name, width):
    page.enter(width=width, height=740)
    page.says("#connection", "live")
    page.tab(name)
    if name == "alerts":
        page.click("#issuing-fold summary")
    if name == "filing":
        page.fill("#report-lat", "18.9")
        page.fill("#report-lon", "-72.3")
    if width == 360:
        page.click("#legend summary")
    assert violations(page) == []


def test_what_is_wrong_with_a_form(page, scheme):
    page.may_be_refused = True
    page.enter()
    page.tab("filing")
    page.click("#filing button.primary")
    page.says("#report-type-wrong", "")
    assert violations(page) == []


def test_a_report_with_its_files_and_comments(page, system, scheme):
    report = system.report("Bakery without flour", lon=-72.6, lat=18.9)
    system.client.reports.add_comment(report_id=report["id"], content="A lorry is on its way.")
    page.enter()
    page.tab("reports")
    page.says("#reports .what", report["title"])
    page.open_entry("#reports", report["title"])
    page.says("#detail .parts", "A lorry")
    assert violations(page) == []


def test_an_alert_and_a_resource(page, system, scheme):
    alert = system.client.alerts.issue_alert(
        title="Strong wind at the coast",
        message="Gusts tonight.",
        region_id=system.regions["HT-PAP"],
        priority="low",
    )
    page.enter()
    page.tab("alerts")
    page.says("#alerts .entry", alert["title"])
    page.open_entry("#alerts", alert["title"])
    page.says("#detail-body", "Gusts tonight.")
    assert violations(page) == []
    page.press(Keys.ESCAPE)
    page.tab("resources")
    page.says("#resources .entry", "Parish hall")
    page.open_entry("#resources", "Parish hall")
    page.says("#detail-body", "80 of 80")
    assert violations(page) == []


def colours(page, selector):
    """The colours of a text and of what is behind it, as sums of their parts: the larger is the lighter."""
    style = "const style = getComputedStyle(document.querySelector(arguments[0]));"
    parts = "[style.color, style.backgroundColor].map(one => one.match(/\\d+/g).slice(0, 3).map(Number))"
    text, ground = page.driver.execute_script(f"{style} return {parts}", selector)
    return sum(text), sum(ground)


def test_the_scheme_is_the_one_that_is_preferred(page):
    page.enter()
    for scheme in (*SCHEMES, *SCHEMES):
        emulate(page, scheme=scheme)
        for selector in ("#panels", "#legend", ".shown", "#sign-in"):
            ink, paper = colours(page, selector)
            assert (paper > ink) is (scheme == "light"), (scheme, selector)


FILLS = """
const fill = CanvasRenderingContext2D.prototype.fill;
window.fills = new Set();
CanvasRenderingContext2D.prototype.fill = function (...options) {
  window.fills.add(this.fillStyle);
  return fill.apply(this, options);
};
"""


def test_the_map_is_drawn_anew_when_the_scheme_changes(page):
    emulate(page, scheme="light")
    page.enter()
    page.driver.execute_script(FILLS)
    for scheme, land in (("dark", "#1f2e38"), ("light", "#fbfcf8")):
        page.driver.execute_script("window.fills.clear()")
        emulate(page, scheme=scheme)
        eventually(
            lambda land=land: land in page.driver.execute_script("return [...window.fills]"),
            f"{land} on the map",
        )


SCREEN_ONLY = (".tabs", "#sign-out", "#filters", "#more-reports", ".leaflet-control-zoom", "#connection")


def test_a_list_is_printed_whole_with_its_map_and_without_controls(page, system):
    for number in range(30):
        system.report(f"Street {number} under water", lon=-72.4, lat=18.7)
    page.enter(width=1280, height=700)
    page.tab("reports")
    page.says("#reports .what", "Street 29")
    emulate(page, media="print", scheme="dark")
    assert [selector for selector in SCREEN_ONLY if page.visible(selector)] == []
    assert page.visible("#map")
    assert page.driver.execute_script(
        "const list = document.getElementById('panel-reports'), last = list.querySelector('#reports').lastChild;"
        "return getComputedStyle(list).overflowY === 'visible' && document.body.scrollHeight >= last.offsetTop"
    )
    ink, _ = colours(page, "#reports .what")
    assert ink < 150, "dark ink, also for who prefers a dark screen"
    emulate(page)


def test_an_open_report_is_what_is_printed(page, system):
    report = system.report("Mill without water", lon=-72.6, lat=18.9)
    page.enter()
    page.tab("reports")
    page.says("#reports .what", report["title"])
    page.open_entry("#reports", report["title"])
    page.says("#detail .steps", "pending")
    emulate(page, media="print")
    assert not page.visible(
        "#situation, .top, #detail-close, #detail .adding, #detail .buttons, #status-note"
    )
    behind = "return getComputedStyle(document.getElementById('detail'), '::backdrop').backgroundColor"
    assert page.driver.execute_script(behind) == "rgba(0, 0, 0, 0)", "white paper, also behind the report"
    assert page.texts("#detail-title") == [report["title"]]
    emulate(page)


def test_signing_out_while_the_map_is_moving_leaves_nothing_behind(page):
    """What Leaflet, an answer or a timer does later finds the map gone; the fixture looks for complaints."""
    for _ in range(3):
        page.enter()
        page.driver.execute_async_script(
            """
            const done = arguments[arguments.length - 1];
            const map = document.getElementById("map");
            map.querySelector(".leaflet-control-zoom-in").click();
            requestAnimationFrame(() => requestAnimationFrame(() => {
              document.getElementById("sign-out").click();
              // Leaflet's own timer of 250 ms was set before this one, so it has run when this one does.
              setTimeout(done, 600);
            }));
            """
        )
        page.find("#email")
