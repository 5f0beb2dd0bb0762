"""What people do on the situation page, done in a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.support.processes import ROOT
from tests.support.waiting import eventually

SCREENSHOT = ROOT / "docs" / "situation-page.png"
LIVE_SECONDS = 5.0
TABS = ("live", "reports", "alerts", "resources", "filing")
MARKUP = '<img src=x onerror="document.title=1"><b>Roof</b> & "wall"'


@pytest.fixture(scope="module", autouse=True)
def happened(system):
    system.has_happened()


def click_map(page, x, y):
    """Clicks the map beside its middle."""
    chart = page.find("#map")
    ActionChains(page.driver).move_to_element_with_offset(chart, x, y).click().perform()
    return chart


def titles(page, selector):
    return page.driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(one => one.title)", selector
    )


def test_a_picture_for_the_documentation(page, system, tmp_path):
    """The first one, while nothing but this has happened."""
    page.enter()
    page.says("#connection", "live")
    page.tab("reports")
    page.choose("#filter-region", "Haiti")
    page.says("#shown", "5 reports here")
    page.choose("#filter-region", "All")
    page.says("#shown", "8 reports here")
    page.tab("live")
    alert = issued(system, "River levels rising fast")
    page.says("#live .entry", alert["title"], LIVE_SECONDS)
    eventually(lambda: alert["title"] in titles(page, "#map .mark.alert"), "the alert on the map")
    faded = "return document.getAnimations().length === 0"
    eventually(lambda: page.driver.execute_script(faded), "what is new has faded")
    picture = Path(tmp_path) / "page.png"
    assert page.driver.save_screenshot(str(picture))
    if not SCREENSHOT.exists() or os.environ.get("IMPACTX_SCREENSHOT"):
        SCREENSHOT.write_bytes(picture.read_bytes())


def test_signing_in_and_out(page):
    page.may_be_refused = True
    page.sign_in(password="a wrong password")
    page.says("#sign-in .problem", "")
    assert "password" in page.find("#sign-in .problem").text
    page.sign_in()
    page.says("#shown", "report")
    assert page.texts("#who") == ["ImpactX Administrator"]
    page.driver.refresh()
    page.says("#shown", "report")
    page.click("#sign-out")
    page.find("#email")
    assert not page.visible("#map")
    page.driver.refresh()
    page.find("#email")


HOLD_BACK = """
window.held = [];
const fetched = window.fetch;
window.fetch = async (url, options) => {
  const answer = await fetched(url, options);
  if (String(url).includes("/reports")) await new Promise((release) => window.held.push(release));
  return answer;
};
"""


def test_a_list_that_arrives_after_signing_out_is_not_shown(page):
    page.enter()
    page.says("#shown", "report")
    page.tab("reports")
    page.driver.execute_script(HOLD_BACK)
    page.choose("#filter-severity", "4")
    eventually(lambda: page.driver.execute_script("return window.held.length > 0"), "an answer held back")
    page.click("#sign-out")
    page.find("#email")
    shown = """
    const end = arguments[0];
    window.held.forEach((release) => release());
    const later = () => fetch("/page/icon.svg").then((answer) => answer.text());
    later().then(later).then(() => end(document.getElementById("reports").childElementCount));
    """
    assert page.driver.execute_async_script(shown) == 0
    assert page.driver.execute_script("return document.getElementById('live').childElementCount") == 0


def test_a_browser_without_a_network_is_not_live_and_is_again_with_one(page):
    page.enter()
    page.says("#connection", "live")
    page.may_be_offline = True
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        page.says("#connection", "not live", LIVE_SECONDS)
    finally:
        page.driver.delete_network_conditions()
    eventually(lambda: page.texts("#connection") == ["live"], "the stream")


def test_what_is_many_is_a_cell_until_one_looks_closer(page):
    page.enter()
    page.says("#shown", "by area")

    def open_the_fullest():
        fullest = max(page.visible("#map .mark.cell"), key=lambda cell: int(cell.text.split()[0]))
        assert int(fullest.text.split()[0]) >= 7
        assert "S5" in fullest.text
        fullest.click()

    page.act(open_the_fullest)
    eventually(lambda: not covers_the_world(page), "a nearer map")
    page.tab("reports")
    page.choose("#filter-region", "Port-au-Prince")
    eventually(lambda: "Clinic without power (High)" in titles(page, "#map .mark"), "single reports")
    assert not page.visible("#map .mark.cell")


def covers_the_world(page):
    return "Hillside" in str(titles(page, "#map .mark")) or len(page.texts("#map .mark")) < 4


def test_a_report_on_the_map_opens(page):
    page.enter()
    page.tab("reports")
    page.choose("#filter-region", "Port-au-Prince")
    eventually(lambda: "Clinic without power (High)" in titles(page, "#map .mark"), "the clinic on the map")

    def open_the_clinic():
        marks = page.visible("#map .mark")
        mark = next(one for one in marks if one.get_attribute("title").startswith("Clinic"))
        assert mark.text == "3"
        mark.click()

    page.act(open_the_clinic)
    page.says("#detail-title", "Clinic without power")
    assert "3 (High)" in page.texts("#detail dd")
    assert "Port-au-Prince" in page.texts("#detail dd")


def test_filing_a_report_by_the_map_and_confirming_it(page, system):
    page.enter()
    page.tab("filing")
    click_map(page, 60, -40)
    assert page.find("#report-lat").get_attribute("value")
    assert page.visible(".pin")
    # the click found a place; the region of this one is known
    page.fill("#report-lat", "18,95")
    page.fill("#report-lon", "-72.1")
    page.choose("#report-type", "Fire")
    page.choose("#report-severity", "4")
    page.fill("#report-title", "Warehouse on fire")
    page.fill("#report-description", "Smoke over the harbour road.")
    page.click("#filing button.primary")
    page.says("#filed", "Warehouse on fire")
    assert page.find("#report-title").get_attribute("value") == ""
    page.tab("reports")
    page.says("#reports .what", "Warehouse on fire")
    page.open_entry("#reports", "Warehouse")
    page.says("#detail-title", "Warehouse on fire")
    page.fill("#status-note", "Seen from the fire station.")
    page.click('#detail [data-status="confirmed"]')
    page.says("#detail .preview", "This will issue a high alert")
    page.click("#detail [data-agree]")
    page.says("#detail .steps", "Seen from the fire station.")
    assert "confirmed" in page.texts("#detail dd")
    filed = next(
        one for one in system.client.reports.list_reports()["items"] if one["title"] == "Warehouse on fire"
    )
    assert (filed["status"], filed["location"]["coordinates"]) == ("confirmed", [-72.1, 18.95])
    page.click("#detail-close")


def test_a_click_on_the_map_offers_to_file_a_report_there(page):
    page.enter()
    page.tab("reports")
    page.choose("#filter-region", "Haiti")
    click_map(page, 0, -200)
    page.click(".leaflet-popup button")
    assert page.focused() == "tab-filing"
    assert page.find("#report-lon").get_attribute("value")


def test_what_is_wrong_is_said_beside_the_field(page):
    page.may_be_refused = True
    page.enter()
    page.tab("filing")
    page.fill("#report-lat", "95")
    page.fill("#report-lon", "20")
    page.click("#filing button.primary")
    page.says("#report-lat-wrong", "out of range")
    page.says("#report-type-wrong", "")
    assert {one.get_attribute("id") for one in page.visible('#filing [aria-invalid="true"]')} == {
        "report-type",
        "report-severity",
        "report-title",
        "report-description",
        "report-lat",
    }
    title = page.find("#report-title")
    assert page.texts(f"#{title.get_attribute('aria-describedby')}") == ["Must not be empty."]
    assert page.focused() == "report-type"
    # neither degrees nor an address
    page.choose("#report-type", "Fire")
    page.choose("#report-severity", "4")
    page.fill("#report-title", "Ship in distress")
    page.fill("#report-description", "Far out.")
    page.fill("#report-lat", "")
    page.fill("#report-lon", "")
    page.click("#filing button.primary")
    page.says("#report-lat-wrong", "finite numbers")


def test_a_report_with_an_address_alone_is_filed_and_reviewed(page, system):
    page.enter()
    page.tab("filing")
    page.choose("#report-type", "Fire")
    page.choose("#report-severity", "4")
    page.fill("#report-title", "Smoke behind the market")
    page.fill("#report-description", "Told by telephone.")
    page.fill("#report-address", "Behind the market, Jacmel")
    page.click("#filing button.primary")
    page.says("#filed", "A coordinator will review it. It has an address without coordinates.")
    page.tab("reports")
    page.click("#filter-review")
    page.says("#reports .about", "needs review: no coordinates, no region")
    page.open_entry("#reports", "Smoke")
    page.says("#detail-title", "Smoke behind the market")
    assert "Behind the market, Jacmel" in page.texts("#detail dd")
    page.choose("#review-region", "Haiti")
    page.fill("#review-latitude", "18,25")
    page.fill("#review-longitude", "-72.5")
    page.click("#review button.primary")
    page.says("#detail dd", "18.2500, -72.5000")
    assert not page.visible("#review")
    page.click("#detail-close")
    [mended] = system.client.reports.list_reports(text="smoke market")["items"]
    assert mended["location"] == {
        "type": "Point",
        "coordinates": [-72.5, 18.25],
        "address": "Behind the market, Jacmel",
    }
    assert (mended["region_id"], mended["needs_review"]) == (system.regions["HT"], False)


def test_a_coordinator_finds_a_doubtful_report_in_order(page, system):
    report = system.client.reports.create_report(
        title="Old clock",
        description="Of a telephone that was off.",
        report_type_id=system.types["Flood"],
        severity_level_id=system.levels[2],
        location={"type": "Point", "coordinates": [-72.5, 18.8]},
        reported_at="1970-01-01T00:00:10Z",
    )
    page.enter(system.person("coordinator"))
    page.tab("reports")
    page.click("#filter-review")
    page.says("#reports .what", "Old clock")
    page.open_entry("#reports", "Old clock")
    page.says("#detail-title", "Old clock")
    page.click("#review button:not(.primary)")
    eventually(lambda: not page.visible("#review"), "the end of the review")
    assert system.client.reports.get_report(report_id=report["id"])["needs_review"] is False
    page.click("#detail-close")


@pytest.mark.parametrize(("role", "files", "confirms"), [("viewer", False, False), ("responder", True, True)])
def test_one_is_offered_what_one_may(page, system, role, files, confirms):
    page.enter(system.person(role))
    assert bool(page.visible("#tab-filing")) is files
    page.tab("reports")
    page.says("#reports .what", "School roof torn off")
    page.open_entry("#reports", "School")
    page.says("#detail-title", "School roof torn off")
    page.find("#detail .steps")
    assert bool(page.visible("#detail [data-status]")) is confirms


def test_text_of_the_api_is_text(page, system):
    system.report(MARKUP, lon=-80.5, lat=26.5)
    page.enter()
    page.tab("reports")
    page.says("#reports .what", MARKUP)
    page.open_entry("#reports", "Roof")
    page.says("#detail-title", MARKUP)
    assert not page.visible("main img[src=x], main b")
    assert page.driver.title == "ImpactX situation"


def test_filters_hold_for_the_list_and_the_map(page):
    page.enter()
    page.tab("reports")
    page.choose("#filter-severity", "5")
    eventually(lambda: len(page.texts("#reports .what")) == 2, "two catastrophes in the list")
    page.says("#shown", "2 reports here")
    page.choose("#filter-region", "Nepal")
    eventually(
        lambda: page.texts("#reports .what") == ["Hillside moving above the village"], "one catastrophe"
    )
    page.says("#shown", "1 report here")


def test_all_by_keyboard(page, system):
    page.press(Keys.TAB)
    assert page.focused() == "Skip the map"
    page.find("#email").click()
    page.press("admin@impactx.example", Keys.TAB, "a long enough password", Keys.ENTER)
    page.says("#shown", "report")
    eventually(lambda: page.focused() == "panels", "the focus in the lists")
    # through the tabs
    page.press(Keys.TAB)
    assert page.focused() == "tab-live"
    page.press(Keys.ARROW_LEFT)
    assert page.focused() == "tab-filing"
    for text in ("Blocked", "3", "Trees across the road", "Nobody gets through.", "18.9", "-72.3"):
        page.press(Keys.TAB, text)
    for passed in (
        "take-centre",
        "take-position",
        "report-address",
        "report-region",
        "report-files",
        "File the report",
    ):
        page.press(Keys.TAB)
        assert page.focused() == passed
    page.press(Keys.ENTER)
    page.says("#filed", "Trees across the road")
    # a report is opened, and the dialog gives the focus back
    for _ in range(20):
        page.press(Keys.SHIFT + Keys.TAB + Keys.NULL)
        if page.focused() == "tab-filing":
            break
    page.press(Keys.HOME, Keys.ARROW_RIGHT)
    assert page.focused() == "tab-reports"
    page.says("#reports .what", "Trees across the road")
    # past the filters
    for _ in range(12):
        page.press(Keys.TAB)
        if "Trees across the road" in page.focused():
            break
    assert "Trees across the road" in page.focused()
    page.press(Keys.ENTER)
    page.says("#detail-title", "Trees across the road")
    page.press(Keys.ESCAPE)
    eventually(lambda: not page.visible("#detail"), "the end of the dialog")
    assert "Trees across the road" in page.focused()


def test_the_map_is_no_trap(page):
    page.enter()
    page.driver.execute_script("document.getElementById('map').focus()")
    seen = page.texts("#shown")
    page.press("+", "+", Keys.ARROW_LEFT)
    eventually(lambda: page.texts("#shown") != seen, "another part of the map")
    stops = []
    for _ in range(6):
        page.press(Keys.TAB)
        stops.append(page.focused())
        if stops[-1].startswith("tab-") or stops[-1] == "panels":
            break
    assert stops[-1] == "tab-live"
    assert len(stops) <= 5


def outline_of_focus(page):
    return page.driver.execute_script("return getComputedStyle(document.activeElement).outlineWidth")


def test_the_focus_can_be_seen(page):
    page.enter()
    for _ in range(8):
        page.press(Keys.TAB)
        assert outline_of_focus(page) == "3px", page.focused()


def test_everything_has_a_name(page):
    page.enter()
    page.tab("reports")
    page.says("#reports .what", "Clinic")
    nameless = page.driver.execute_script(
        """
        return [...document.querySelectorAll("input, select, textarea, button, [role=img], [role=tab]")]
          .filter(one => !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
          .map(one => one.outerHTML)
        """
    )
    assert nameless == []


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_no_width_scrolls_sideways(page, width):
    page.enter(width=width, height=740)
    for name in TABS:
        page.tab(name)
        assert page.driver.execute_script("return document.documentElement.scrollWidth") <= width, name
    page.tab("reports")
    page.says("#reports .what", "Clinic")
    page.open_entry("#reports", "Clinic")
    page.find("#detail .steps")
    dialog = page.find("#detail").rect
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= width
    page.click("#detail-close")


def test_controls_are_large_enough_for_a_finger(page):
    page.enter(width=360, height=740)
    for name in TABS:
        page.tab(name)
        small = page.driver.execute_script(
            """
            return [...document.querySelectorAll("button, select, textarea, input:not([type=checkbox])")]
              .filter(one => one.checkVisibility())
              .filter(one => { const box = one.getBoundingClientRect(); return box.height < 34 || box.width < 24; })
              .map(one => one.outerHTML)
            """
        )
        assert small == [], name


def test_an_alert_is_read_and_its_reach_seen(page, system):
    reader = system.person("coordinator", regions=["HT-PAP"])
    title = "Flash floods expected tonight"
    alert = issued(system, title)
    eventually(lambda: reach(system, alert)["targeted_at"], "the end of its targeting")
    page.enter(reader)
    page.tab("alerts")
    page.says("#alerts .entry", title)
    assert "not read yet" in page.says("#alerts .entry", title)
    eventually(lambda: title in titles(page, "#map .mark.alert"), "the alert on the map")
    page.open_entry("#alerts", title)
    page.says("#detail-body", "Go to higher ground.")
    page.says("#detail .reach", "1 of 1 people have read it")
    page.press(Keys.ESCAPE)
    eventually(lambda: "not read yet" not in page.says("#alerts .entry", title), "the end of the mark")


def reach(system, alert):
    return system.client.alerts.get_alert_reach(alert_id=alert["id"])


def issued(system, title):
    return system.client.alerts.issue_alert(
        title=title,
        message="The rivers of the plain will leave their beds within hours.",
        instruction="Go to higher ground.",
        region_id=system.regions["HT-PAP"],
        priority="high",
        event="Flash flood",
    )


def test_what_others_do_is_seen_as_it_happens(page, system):
    page.enter()
    page.says("#connection", "live")
    report = system.report("Ferry adrift", "Other", 4, lon=-72.8, lat=18.4)
    said = page.says("#live .entry", "New report: Ferry adrift", LIVE_SECONDS)
    assert "Haiti" in said
    system.change(report, "confirmed")
    page.says("#live .entry", "Ferry adrift is confirmed", LIVE_SECONDS)
    page.open_entry("#live", "Ferry adrift is confirmed")
    page.says("#detail-title", "Ferry adrift")
    page.click("#detail-close")
    page.tab("reports")
    page.says("#reports .entry", "Ferry adrift")


def test_one_hears_only_of_what_one_may_see(page, system):
    page.enter(system.person("reporter"))
    page.says("#connection", "live")
    system.report("Not for everybody")
    alert = issued(system, "Storm surge tonight")
    page.says("#live .entry", f"Alert: {alert['title']}", LIVE_SECONDS)
    assert "Not for everybody" not in str(page.texts("#live .entry"))
