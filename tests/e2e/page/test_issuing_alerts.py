"""An alert is issued on the page."""

from __future__ import annotations

import pytest

TITLE = "Dam <above> the valley may break"


@pytest.fixture
def form(page, system):
    """The form, filled in by a coordinator on a phone."""
    page.enter(system.person("coordinator"), width=360, height=740)
    page.tab("alerts")
    page.click("#issuing-fold summary")
    page.choose("#alert-region", "Port-au-Prince")
    page.choose("#alert-priority", "Critical")
    page.fill("#alert-title", TITLE)
    page.fill("#alert-message", "Water may come down the valley within the hour.")
    page.fill("#alert-instruction", "Leave the river banks.")
    page.choose("#alert-hours", "for a day")


def alerts_like(system):
    return [one for one in system.client.alerts.list_alerts()["items"] if one["title"] == TITLE]


def test_an_alert_is_issued_once_it_is_meant(page, form, system):
    page.click("#issuing button.primary")
    page.says("#issuing-effects .preview", "This will issue a critical alert to")
    page.says("#issuing-effects .preview", "the public feed")
    page.says("#issuing-effects .preview", TITLE)
    page.click("#issuing-effects .preview button:not(.primary)")
    assert page.find("#alert-title").get_attribute("value") == TITLE
    assert alerts_like(system) == []
    page.click("#issuing button.primary")
    page.click("#issuing-effects [data-agree]")
    page.says("#issued", TITLE)
    page.says("#alerts .entry", TITLE)
    [alert] = alerts_like(system)
    assert (alert["status"], alert["priority"]) == ("active", "critical")
    assert alert["instruction"] == "Leave the river banks."
    assert alert["expires_at"] is not None


def test_what_is_missing_is_said_beside_the_field(page, form):
    page.may_be_refused = True
    page.choose("#alert-priority", "Choose")
    page.fill("#alert-title", "")
    page.click("#issuing button.primary")
    page.says("#alert-title-wrong", "")
    page.says("#alert-priority-wrong", "")
    assert page.focused() == "alert-priority"


def test_who_may_not_issue_is_not_asked_to(page, system):
    page.enter(system.person("viewer"))
    page.tab("alerts")
    assert not page.visible("#issuing-fold")
