"""What people add to a report on the page: comments and files."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.directories import temporary_directory
from tests.support.waiting import eventually

MARKUP = "<b>Two</b> boats & a rope"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 500


@pytest.fixture
def report(system):
    return system.report("Families on a roof", lon=-72.6, lat=18.9)


@pytest.fixture
def saved(page):
    """Where the browser puts what it saves."""
    directory = temporary_directory("saved")
    where = {"behavior": "allow", "downloadPath": str(directory)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    return directory


@pytest.fixture
def picture():
    path = temporary_directory("picture") / "roof.jpg"
    path.write_bytes(JPEG)
    return path


def open_report(page, report):
    page.tab("reports")
    page.says("#reports .what", report["title"])
    page.open_entry("#reports", report["title"])
    page.says("#detail-title", report["title"])


def test_a_comment_is_added_and_there_for_others(page, system, report):
    page.enter(system.person("responder"))
    open_report(page, report)
    page.fill("#comment", MARKUP)
    page.press(Keys.TAB, Keys.ENTER)
    assert "you" in page.says('#detail [aria-label="Comments"] li', MARKUP)
    assert page.find("#comment").get_attribute("value") == ""
    [comment] = system.client.reports.list_comments(report_id=report["id"])["items"]
    assert comment["content"] == MARKUP
    page.click("#detail-close")
    page.click("#sign-out")
    page.enter(system.person("viewer"))
    open_report(page, report)
    page.says('#detail [aria-label="Comments"] li', MARKUP)
    assert not page.visible("#comment, #file")


def test_a_comment_without_words_is_refused_beside_the_field(page, report):
    page.may_be_refused = True
    page.enter()
    open_report(page, report)
    page.click('#detail [aria-label="Comments"] .primary')
    page.says("#comment-wrong", "Must not be empty.")
    assert page.focused() == "comment"


def test_a_file_is_attached_and_saved_again(page, report, picture, saved):
    page.enter(width=360, height=740)
    open_report(page, report)
    page.find("#file").send_keys(str(picture))
    page.click('#detail [aria-label="Files"] .primary')
    page.says('#detail [aria-label="Files"] li', "129 kB")
    page.click('#detail [aria-label="Files"] li button')
    eventually(lambda: [file.read_bytes() for file in saved.glob("roof.jpg")] == [JPEG], "the file is saved")


def test_a_file_that_is_not_accepted_is_refused_in_words(page, report, picture):
    page.may_be_refused = True
    picture.write_bytes(b"<html>")
    page.enter()
    open_report(page, report)
    page.find("#file").send_keys(str(picture))
    page.click('#detail [aria-label="Files"] .primary')
    page.says('#detail [aria-label="Files"] .problem', "Files of this type are not accepted")
    assert not page.visible('#detail [aria-label="Files"] li')
