"""A responder on a bad network: what stalls is said, nothing is done twice, and nothing that was typed is lost."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import NoAlertPresentException

from tests.e2e.page.conftest import EMAIL, Page
from tests.support.directories import temporary_directory
from tests.support.proxy import Proxy
from tests.support.waiting import eventually

SAID_WITHIN = 10.0
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 48_000
"""12 MB, more than the buffers between the browser and the proxy hold."""

RENEW = """
import("/page/api.js").then(({ session }) => session.token({ anew: true })).then(() => {
  window.renewed = true;
});
"""

UPLOAD_RATE = 1_000_000
"""Bytes a second, so that somebody sees how it goes on."""


@pytest.fixture
def network(system):
    """What is between the browser and the system."""
    with Proxy(urlsplit(system.url).port) as proxy:
        yield proxy


@pytest.fixture
def page(system, browser, network):
    """A page behind that network."""
    browser.driver.get(f"http://127.0.0.1:{network.port}/page/icon.svg")
    browser.driver.execute_script("sessionStorage.clear(); localStorage.clear()")
    browser.forget()
    opened = Page(browser, f"http://127.0.0.1:{network.port}")
    opened.go()
    yield opened
    network.resume()
    browser.driver.get("about:blank")
    with_question(browser)


def with_question(browser):
    """Leaves, also where the browser asks whether to."""
    try:
        browser.driver.switch_to.alert.accept()
    except NoAlertPresentException:
        return


def fill_in(page, title):
    page.tab("filing")
    page.choose("#report-type", "Fire")
    page.choose("#report-severity", "4")
    page.fill("#report-title", title)
    page.fill("#report-description", "Smoke over the harbour road.")
    page.fill("#report-lat", "18.9")
    page.fill("#report-lon", "-72.3")


def leave_and_come_back(page, network):
    """Loads the page anew, with what it waited for lost.

    The network is only mended once the page is gone: a browser sends a request itself once more when its connection
    breaks, and would get the answer.
    """
    address = page.driver.current_url
    page.driver.get("about:blank")
    network.cut()
    network.resume()
    page.driver.get(address)


def value(page, selector):
    return page.find(selector).get_attribute("value")


def filed(system, title):
    items = system.client.reports.list_reports(limit=500)["items"]
    return [report for report in items if report["title"] == title]


def drafts(page):
    script = "return Object.keys(localStorage).filter((name) => name.startsWith('impactx.draft'))"
    return page.driver.execute_script(script)


def test_a_stalled_request_is_said_and_a_retry_files_one_report(page, system, network):
    page.enter()
    fill_in(page, "Answer on its way")
    network.stall(up=False)  # the server hears, and its answer does not arrive
    page.click("#filing button.primary")
    page.says("#waiting-text", "The server has not answered yet", SAID_WITHIN)
    eventually(lambda: filed(system, "Answer on its way"), "the report of the first attempt")
    assert value(page, "#report-title") == "Answer on its way"
    page.click("#waiting-retry")
    network.resume()
    page.says("#filed", "Answer on its way")
    eventually(lambda: not page.visible("#waiting"), "the end of the notice")
    assert len(filed(system, "Answer on its way")) == 1


def test_a_cancelled_request_is_aborted_and_sending_it_again_is_no_second_report(page, system, network):
    page.enter()
    fill_in(page, "Cancelled and sent again")
    network.stall(up=False)
    page.click("#filing button.primary")
    page.says("#waiting-text", "The server has not answered yet", SAID_WITHIN)
    eventually(lambda: filed(system, "Cancelled and sent again"), "the report of the first attempt")
    page.click("#waiting-cancel")
    page.says("#filing .problem", "it is not done twice")
    eventually(lambda: not page.visible("#waiting"), "the end of the notice")
    network.resume()
    page.click("#filing button.primary")
    page.says("#filed", "Cancelled and sent again")
    assert len(filed(system, "Cancelled and sent again")) == 1


def test_a_reload_after_a_lost_answer_does_not_file_twice(page, system, network):
    page.enter()
    fill_in(page, "Reloaded before the answer")
    network.stall(up=False)
    page.click("#filing button.primary")
    eventually(lambda: filed(system, "Reloaded before the answer"), "the report of the first attempt")
    leave_and_come_back(page, network)
    page.says("#filing .restored", "Restored: what you typed here")
    assert value(page, "#report-title") == "Reloaded before the answer"
    page.click("#filing button.primary")
    page.says("#filed", "Reloaded before the answer")
    assert len(filed(system, "Reloaded before the answer")) == 1
    assert drafts(page) == []


def test_a_session_goes_on_when_the_answer_that_renews_it_was_lost(page, system, network):
    page.enter()
    with system.superuser() as connection:
        used = "SELECT count(*) FROM identity.refresh_tokens WHERE used_at IS NOT NULL"
        before = connection.execute(used).fetchone()
        network.stall(up=False)
        page.driver.execute_script(RENEW)
        eventually(lambda: connection.execute(used).fetchone() != before, "the token is used")
    page.says("#waiting-text", "The server has not answered yet", SAID_WITHIN)
    page.click("#waiting-retry")
    network.resume()
    eventually(lambda: page.driver.execute_script("return window.renewed"), "the new token")
    page.driver.refresh()
    page.says("#shown", "report")


def test_a_list_that_stalls_is_said_in_the_dialog_too(page, system, network):
    report = system.report("Behind a bad network", lon=-72.6, lat=18.9)
    page.enter()
    page.tab("reports")
    page.says("#reports .what", report["title"])
    network.stall()
    page.open_entry("#reports", report["title"])
    page.says("#detail #waiting-text", "The server has not answered yet", SAID_WITHIN)

    def is_cancelled():
        # What the lists asked for a moment before the dialog is late a moment before it.
        if page.visible("#waiting-cancel"):
            page.click("#waiting-cancel")
        return page.texts("#detail-body .problem") == ["Cancelled."]

    eventually(is_cancelled, "the dialog says that it was cancelled", SAID_WITHIN * 2)
    network.cut()
    network.resume()


def test_a_stream_that_stalls_is_said(page, network):
    page.enter()
    page.says("#connection", "live")
    network.stall()
    page.says("#connection", "not live", SAID_WITHIN)
    page.says("#interrupted", "may be out of date")
    network.cut()
    network.resume()
    eventually(lambda: page.texts("#connection") == ["live"], "the stream")
    assert not page.visible("#interrupted")


def test_being_offline_is_said_at_once(page):
    page.enter()
    fill_in(page, "Typed without a network")
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        page.says("#offline", "You are offline. What you typed is kept.")
        page.click("#filing button.primary")
        page.says("#filing .problem", "You are offline.")
    finally:
        page.driver.delete_network_conditions()
    eventually(lambda: not page.visible("#offline"), "the end of the notice")
    assert value(page, "#report-title") == "Typed without a network"


def test_a_photo_is_uploaded_after_the_report_and_retried_alone(page, system, network):
    picture = temporary_directory("picture") / "harbour.jpg"
    picture.write_bytes(JPEG)
    page.enter()
    fill_in(page, "Photo from the harbour")
    assert page.driver.execute_script(
        "return document.getElementById('report-photo').getAttribute('capture')"
    )
    page.find("#report-files").send_keys(str(picture))
    page.says("#chosen-files li", "harbour.jpg")
    network.slow_down(UPLOAD_RATE)
    page.click("#filing button.primary")
    page.says("#filed", "Photo from the harbour")
    page.says("#uploads .about", "% uploaded")
    network.stall()
    page.says("#waiting-text", "The server has not answered yet", SAID_WITHIN)
    page.click("#waiting-cancel")
    page.says("#uploads .about", "The report is filed, but this file is not uploaded.")
    network.slow_down(float("inf"))
    network.cut()
    network.resume()
    page.click("#uploads li button")
    eventually(lambda: "uploaded" in page.texts("#uploads .about"), "the upload")
    [report] = filed(system, "Photo from the harbour")
    [attachment] = system.client.reports.list_attachments(report_id=report["id"])["items"]
    assert (attachment["file_name"], attachment["file_size"]) == ("harbour.jpg", len(JPEG))


def test_nothing_typed_is_lost_on_a_reload(page, system):
    report = system.report("Half a comment", lon=-72.6, lat=18.9)
    page.enter()
    fill_in(page, "Half a report")
    page.tab("alerts")
    page.click("#issuing-fold summary")
    page.fill("#alert-title", "Half an alert")
    page.tab("reports")
    page.says("#reports .what", report["title"])
    page.open_entry("#reports", report["title"])
    page.fill("#comment", "The team is")
    page.fill("#status-note", "Seen by")
    page.driver.refresh()
    page.says("#detail-title", "Half a comment")  # it is in the address
    eventually(lambda: value(page, "#comment") == "The team is", "the comment")
    assert value(page, "#status-note") == "Seen by"
    page.click("#detail-close")
    page.tab("alerts")
    page.click("#issuing-fold summary")
    assert value(page, "#alert-title") == "Half an alert"
    page.tab("filing")
    assert value(page, "#report-title") == "Half a report"
    assert value(page, "#report-lat") == "18.9"
    assert page.visible(".pin")
    page.click("#filing .restored button")
    assert value(page, "#report-title") == ""
    assert len(drafts(page)) == 3
    page.click("#sign-out")
    page.find("#email")
    assert drafts(page) == []


def test_what_somebody_typed_is_not_shown_to_the_next(page, system):
    page.enter(system.person("responder"))
    fill_in(page, "Mine alone")
    # the session ends without a sign-out
    page.driver.execute_script("sessionStorage.clear()")
    page.driver.refresh()
    page.enter(EMAIL)
    page.tab("filing")
    assert value(page, "#report-title") == ""
    assert not page.visible("#filing .restored")
