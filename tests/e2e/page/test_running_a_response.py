"""A coordinator runs a response on the page: sees what follows before it is done, and calls it off again."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from shared.client.errors import NotFound
from tests.support.waiting import eventually


@pytest.fixture
def keeper(page, system):
    page.enter(system.person("coordinator"))
    return page


def filed(system, title, level):
    """A report that the alerts know of, so that what follows from it can be said."""
    report = system.report(title, level=level)
    asked = {"source": "report", "source_id": report["id"], "changes": {"status": "confirmed"}}
    eventually(lambda: known(system, asked), "the alerts know the report")
    return report


def known(system, asked):
    try:
        return system.client.alerts.preview_change(**asked)
    except NotFound:
        return None


def alerts_of(system, report):
    return system.client.alerts.list_alerts(source_id=report["id"])["items"]


def test_what_confirming_does_is_shown_first_and_the_alert_leads_back(keeper, system):
    report = filed(system, "Dyke breached at the bend", 5)
    keeper.open_thing("report", report["id"])
    keeper.fill("#status-note", "The mayor is not to be named.")
    keeper.click('#detail [data-status="confirmed"]')
    said = keeper.says("#detail .preview", "This will issue a critical alert to")
    assert "the public feed" in said
    assert "mayor" not in said
    assert alerts_of(system, report) == []
    keeper.click("#detail [data-agree]")
    keeper.says("#detail .steps", "confirmed")
    keeper.says("#detail .steps", "you")
    [alert] = eventually(lambda: alerts_of(system, report), "the rule issues its alert")
    keeper.open_thing("report", report["id"])
    keeper.click(f'#detail [data-link="{alert["id"]}"]')
    keeper.says("#detail-title", "Dyke breached")
    keeper.click(f'#detail [data-link="{report["id"]}"]')
    keeper.says("#detail .facts", "confirmed")


def test_after_a_change_the_focus_goes_back_to_the_report_in_the_new_list(keeper, system):
    report = filed(system, "Pump house flooded", 1)
    keeper.tab("reports")
    keeper.says("#reports .what", "Pump house flooded")
    entry = f'#reports .entry[data-id="{report["id"]}"]'
    keeper.driver.execute_script("window.opened = document.querySelector(arguments[0])", entry)
    keeper.click(entry)
    keeper.click('#detail [data-status="confirmed"]')
    keeper.says("#detail .steps", "confirmed")
    eventually(
        lambda: keeper.driver.execute_script("return !window.opened.isConnected"), "the list is made anew"
    )
    keeper.press(Keys.ESCAPE)
    eventually(lambda: not keeper.visible("#detail"), "the end of the dialog")
    eventually(lambda: "Pump house flooded" in keeper.focused(), "the focus on the report")


def test_a_title_in_arabic_runs_from_the_right(keeper, system):
    title = "انهيار جسر - 12 مصاب"
    report = filed(system, title, 1)
    keeper.open_thing("report", report["id"])
    keeper.says("#detail-title", title)
    first_character_is_right_of_the_last = """
    const text = document.getElementById("detail-title").firstChild, range = document.createRange();
    const left = (at) => (range.setStart(text, at), range.setEnd(text, at + 1), range.getBoundingClientRect().left);
    return left(0) > left(text.length - 1);
    """
    assert keeper.driver.execute_script(first_character_is_right_of_the_last)


def test_an_alert_is_updated_and_called_off_with_a_reason(keeper, system):
    region = next(iter(system.regions.values()))
    alert = system.client.alerts.issue_alert(
        title="High water in the lower town", message="Go uphill.", region_id=region, priority="high"
    )
    keeper.open_thing("alert", alert["id"])
    keeper.click("#detail details:has(#alert-update) summary")
    keeper.click("#alert-update button.primary")
    keeper.says("#alert-update .problem", "You have not changed anything yet.")
    keeper.fill("#update-message", "Go uphill, the bridge is closed.")
    keeper.fill("#update-notes", "Told by the bridge keeper.")
    keeper.click("#alert-update button.primary")
    keeper.says("#detail .preview", "This will update the high alert")
    keeper.click("#detail [data-agree]")
    keeper.says("#detail-body", "It replaces")
    keeper.click("#detail details:has(#alert-cancel) summary")
    keeper.fill("#alert-cancel-notes", "The water has fallen.")
    keeper.click("#alert-cancel button.primary")
    keeper.says("#detail .facts", "cancelled")
    old = system.client.alerts.get_alert(alert_id=alert["id"])
    new = system.client.alerts.get_alert(alert_id=old["superseded_by"])
    assert (old["status"], new["status"], new["status_notes"]) == (
        "superseded",
        "cancelled",
        "The water has fallen.",
    )
    assert old["status_notes"] == "Told by the bridge keeper."


def test_a_draft_is_issued_once_its_effect_was_seen(keeper, system):
    region = next(iter(system.regions.values()))
    draft = system.client.alerts.draft_alert(
        title="Ice on the river", message="Keep off the ice.", region_id=region, priority="medium"
    )
    keeper.open_thing("alert", draft["id"])
    keeper.click("#alert-issue button.primary")
    said = keeper.says("#detail .preview", "This will issue a medium alert to")
    assert "Keep off the ice." in said
    assert system.client.alerts.get_alert(alert_id=draft["id"])["status"] == "draft"
    keeper.click("#detail [data-agree]")
    keeper.says("#detail .facts", "active")


def test_what_was_shown_is_not_done_when_something_else_was_typed_since(keeper, system):
    report = filed(system, "Mill race blocked", 4)
    confirmed = system.change(report, "confirmed")
    eventually(lambda: alerts_of(system, report), "the rule issues its alert")
    keeper.open_thing("report", report["id"])
    keeper.click("#detail details:has(#editing) summary")
    keeper.fill("#edit-title", "Mill race open")
    keeper.click("#editing button.primary")
    keeper.says("#detail .preview", "Mill race open")
    keeper.fill("#edit-title", "Mill race half open")
    assert not keeper.visible("#detail .preview")
    keeper.click("#editing button.primary")
    keeper.says("#detail .preview", "Mill race half open")
    keeper.click("#detail [data-agree]")
    keeper.says("#detail-title", "Mill race half open")
    now = system.client.reports.get_report(report_id=report["id"])
    assert (now["title"], now["version"]) == ("Mill race half open", confirmed["version"] + 1)


def test_a_duplicate_of_what_an_alert_is_about_calls_it_off_after_asking(keeper, system):
    original = filed(system, "Chapel roof fallen in", 2)
    repeat = filed(system, "Roof of the chapel down", 4)
    system.change(repeat, "confirmed")
    [alert] = eventually(lambda: alerts_of(system, repeat), "the rule issues its alert")
    keeper.open_thing("report", repeat["id"])
    keeper.click("#detail details:has(#duplicate) summary")
    keeper.fill("#duplicate-search", "Chapel roof fallen")
    choice = f'#duplicate input[value="{original["id"]}"]'
    assert keeper.find(choice).size["width"] < keeper.find("#duplicate-search").size["width"] / 10
    keeper.click(choice)
    keeper.click("#duplicate button.primary")
    keeper.says("#detail .preview", "This will call off the high alert")
    assert system.client.alerts.get_alert(alert_id=alert["id"])["status"] == "active"
    keeper.click("#detail [data-agree]")
    keeper.says("#detail-body", "This is a duplicate of")


def test_a_report_is_marked_as_a_duplicate_and_both_lead_to_each_other(keeper, system):
    original = filed(system, "Fire in the old market hall", 2)
    repeat = filed(system, "Smoke over the market", 2)
    keeper.open_thing("report", repeat["id"])
    keeper.click("#detail details:has(#duplicate) summary")
    keeper.fill("#duplicate-search", "old market hall")
    keeper.click(f'#duplicate input[value="{original["id"]}"]')
    keeper.click("#duplicate button.primary")
    keeper.says("#detail-body", "This is a duplicate of")
    keeper.click(f'#detail [data-link="{original["id"]}"]')
    keeper.says("#detail [aria-label=Duplicates]", "Smoke over the market")


def test_closing_a_shelter_with_people_inside_asks_and_says_how_many(keeper, system):
    shelter = system.client.resources.create_resource(
        name="Hall of the northern school",
        region_id=next(iter(system.regions.values())),
        resource_type_id=system.client.resources.list_resource_types()["items"][0]["id"],
        location={"type": "Point", "coordinates": [-72.3, 18.6]},
        capacity=40,
    )
    keeper.open_thing("resource", shelter["id"])
    keeper.click("#detail details:has(#usage) summary")
    keeper.fill("#usage-change", "12")
    keeper.click("#usage button.primary")
    keeper.says("#detail .facts", "28 of 40")
    keeper.fill("#resource-note", "The roof leaks.")
    keeper.driver.refresh()
    keeper.says("#detail .facts", "28 of 40")
    assert keeper.find("#resource-note").get_attribute("value") == "The roof leaks."
    keeper.click('#detail [data-status="closed"]')
    keeper.says("#detail [data-agree]", "although 12 are in use")
    keeper.click("#detail [data-agree]")
    keeper.says("#detail .facts", "closed")
    closed = system.client.resources.get_resource(resource_id=shelter["id"])
    assert (closed["current_usage"], closed["status_notes"]) == (12, "The roof leaks.")
