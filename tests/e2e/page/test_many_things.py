"""A coordinator with hundreds of reports and resources: pages, filters, orders, and a first view of where they are."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from shared.domain.identity import UNKNOWN_REGION_ID
from tests.e2e.page.conftest import running
from tests.support.waiting import eventually

REPORTS = 130
RESOURCES = 120
AREA = (-73.0, 18.0, -72.0, 19.0)
"""Where all but one of the reports are."""

FAR_AWAY = (151.2, -33.9)


@pytest.fixture(scope="module")
def system():
    with running() as made:
        fill(made)
        yield made


def fill(system):
    """Reports and resources, without the events that would arrive meanwhile."""
    kinds = {
        one["name"]: one["id"] for one in system.client.resources.list_resource_types(limit=500)["items"]
    }
    with system.superuser() as connection:
        region = connection.execute(
            """
            INSERT INTO identity.regions (name, code, boundaries)
            VALUES ('Coast', 'COAST', '{"type": "Polygon", "coordinates":
                [[[-73, 18], [-72, 18], [-72, 19], [-73, 19], [-73, 18]]]}')
            RETURNING id
            """
        ).fetchone()[0]
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            """
            INSERT INTO reports.reports
                (user_id, region_id, report_type_id, severity_level_id, title, description, location, reported_at)
            SELECT (SELECT id FROM identity.users LIMIT 1), %(region)s,
                CASE WHEN n %% 2 = 0 THEN %(flood)s::uuid ELSE %(fire)s::uuid END,
                (SELECT id FROM reports.severity_levels WHERE level = 1 + n %% 5),
                'Incident ' || n, CASE WHEN n = 7 THEN 'A ferry has capsized.' ELSE 'One of many.' END,
                jsonb_build_object('type', 'Point', 'coordinates',
                    CASE WHEN n = 0 THEN jsonb_build_array(%(lon)s::float8, %(lat)s::float8)
                    ELSE jsonb_build_array(-72.9 + (n %% 12) * 0.07, 18.1 + n / 12 * 0.07) END),
                '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 hour'
            FROM generate_series(0, %(many)s - 1) AS n
            """,
            {
                "region": region,
                "flood": system.types["Flood"],
                "fire": system.types["Fire"],
                "many": REPORTS,
                "lon": FAR_AWAY[0],
                "lat": FAR_AWAY[1],
            },
        )
        connection.execute(
            """
            INSERT INTO resources.resources (region_id, resource_type_id, name, location, capacity, status)
            SELECT %(region)s, CASE WHEN n %% 3 = 0 THEN %(boat)s::uuid ELSE %(shelter)s::uuid END,
                'Place ' || lpad(n::text, 3, '0'),
                jsonb_build_object('type', 'Point', 'coordinates',
                    jsonb_build_array(-72.9 + (n %% 12) * 0.07, 18.1 + (n %% 3) * 0.3)),
                n, CASE WHEN n %% 4 = 0 THEN 'closed' ELSE 'available' END
            FROM generate_series(0, %(many)s - 1) AS n
            """,
            {"region": region, "boat": kinds["Boat"], "shelter": kinds["Shelter"], "many": RESOURCES},
        )


def entries(page, where):
    return page.driver.execute_script(f"return document.querySelectorAll('#{where} .entry').length")


def address(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.driver.current_url).query).items()}


def show_all_pages(page, things, total):
    """Presses "Show more" until there is no more, and reads how much the list says that it shows."""
    said = []
    while True:
        said.append(page.find(f"#{things}-count").text)
        more = page.visible(f"#more-{things}")
        if not more:
            return said
        shown = entries(page, things)
        page.click(f"#more-{things}")
        eventually(lambda shown=shown: entries(page, things) > shown, "more entries")
        assert entries(page, things) <= total


def test_every_list_says_how_much_of_it_is_shown(page):
    page.enter()
    page.tab("reports")
    page.says("#reports-count", f"Showing 50 of {REPORTS} reports")
    said = show_all_pages(page, "reports", REPORTS)
    assert said[1:] == [f"Showing 100 of {REPORTS} reports", f"All {REPORTS} reports"]
    page.tab("resources")
    page.says("#resources-count", f"Showing 50 of {RESOURCES} resources")
    said = show_all_pages(page, "resources", RESOURCES)
    assert said[1:] == [f"Showing 100 of {RESOURCES} resources", f"All {RESOURCES} resources"]
    assert page.texts("#resources .what")[0] == "Place 000"


def test_the_focus_goes_to_the_first_of_the_further_entries(page):
    page.enter()
    page.tab("resources")
    page.says("#resources-count", "Showing 50 of")
    page.driver.execute_script("document.getElementById('more-resources').focus()")
    page.press(Keys.ENTER)
    eventually(lambda: "Place 050" in page.focused(), "the focus in the second page")


def test_a_list_that_somebody_has_paged_through_is_not_taken_away(page, system):
    page.enter()
    page.says("#connection", "live")
    page.tab("reports")
    page.says("#reports-count", "Showing 50 of")
    page.click("#more-reports")
    page.says("#reports-count", "Showing 100 of")
    report = system.report("Water tank empty", lon=-72.5, lat=18.5)
    page.find("#reports-changed")
    assert entries(page, "reports") == 100
    page.click("#reports-changed")
    page.says("#reports .what", "Water tank empty")
    page.says("#reports-count", "Showing 50 of")
    system.client.reports.change_report_status(
        report_id=report["id"], version=report["version"], status="rejected"
    )


def test_the_first_view_is_where_most_of_the_reports_are(page):
    page.enter()
    page.tab("reports")
    page.click("#filter-view")
    west, south, east, north = map(float, eventually(lambda: view(page), "the view").split(","))
    assert AREA[0] - 2 < west < AREA[0] + 0.2
    assert AREA[2] - 0.2 < east < AREA[2] + 2
    assert AREA[1] - 2 < south < AREA[1] + 0.2
    assert north < AREA[3] + 2
    page.says("#shown", f"{REPORTS - 1} reports here")
    page.click("#filter-view")
    page.click("#show-all")
    page.says("#shown", f"{REPORTS} reports here")


def test_no_report_of_the_first_view_is_behind_the_legend(page, system):
    """Of a region that is wider than high, so that there is no room above the legend and some beside it."""
    with system.superuser() as connection:
        connection.execute(
            """
            INSERT INTO identity.regions (name, code, boundaries)
            VALUES ('Peninsula', 'WIDE', '{"type": "Polygon", "coordinates":
                [[[-77, 18], [-72, 18], [-72, 20.5], [-77, 20.5], [-77, 18]]]}')
            """
        )
    report = system.report("At the cape", lon=-76.8, lat=18.2)
    page.enter(system.person("coordinator", regions=["WIDE"]))
    assert page.visible("#severities")
    eventually(lambda: marks_on(page, "title === '1 report'"), "the report on the map")
    assert marks_on(page, "getBoundingClientRect().left < legend.right") == 0
    system.change(report, "rejected")


def marks_on(page, condition):
    """How many marks on the map are so."""
    script = f"""
    const legend = document.getElementById("legend").getBoundingClientRect();
    return [...document.querySelectorAll("#map .mark")].filter((one) => one.{condition}).length;
    """
    return page.driver.execute_script(script)


def view(page):
    given = address(page).get("reports.view", "")
    return given if "," in given else None


def test_the_map_shows_resources_in_clusters_and_says_so(page):
    page.enter()
    page.says("#shown", f"{RESOURCES} resources here, by area")
    total = sum(int(said.split()[0]) for said in page.texts("#map .mark.cell.resource span"))
    assert 0 < total <= RESOURCES
    page.tab("resources")
    page.choose("#filter-resource-status", "Closed")
    page.says("#shown", f"{RESOURCES // 4} resources here")


def test_the_most_severe_come_first_where_one_wants_it(page):
    page.enter()
    page.tab("reports")
    page.choose("#filter-sort", "Most severe first")
    worst = [f"Incident {number}" for number in range(129, 0, -5)]
    eventually(lambda: page.texts("#reports .what")[: len(worst)] == worst, "the worst, the newest first")
    assert page.texts("#reports .mark")[len(worst)] == "4"
    assert address(page)["reports.sort"] == "severity"


def test_resources_are_ordered_by_their_room(page):
    page.enter()
    page.tab("resources")
    page.choose("#filter-resource-sort", "Most room first")
    eventually(lambda: page.texts("#resources .what")[0:1] == [f"Place {RESOURCES - 1}"], "the roomiest")


def test_filters_are_in_the_address_and_survive_a_reload(page):
    page.enter()
    page.tab("reports")
    page.fill("#filter-text", "ferry")
    page.says("#reports-count", "1 report")
    page.driver.refresh()
    page.says("#reports-count", "1 report")
    assert page.find("#filter-text").get_attribute("value") == "ferry"
    assert page.texts("#reports .what") == ["Incident 7"]
    page.click("#filters [data-clear]")
    page.says("#reports-count", f"of {REPORTS} reports")
    assert "reports.text" not in address(page)


def test_type_region_and_time_narrow_the_reports(page):
    page.enter()
    page.tab("reports")
    page.click("#filters-more summary")
    page.choose("#filter-type", "Fire")
    page.says("#reports-count", f"of {REPORTS // 2} reports")
    page.choose("#filter-region", "Coast")
    page.says("#reports-count", f"of {REPORTS // 2} reports")
    script = """
    for (const [id, value] of Object.entries(arguments[0])) {
      const field = document.getElementById(id);
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    """
    page.driver.execute_script(script, {"filter-from": "2026-01-02T00:00", "filter-to": "2026-01-03T00:00"})
    page.says("#reports-count", "All 12 reports")
    link = page.driver.current_url
    page.choose("#filter-type", "All")
    page.says("#reports-count", "All 24 reports")
    page.driver.get(link)
    page.says("#reports-count", "All 12 reports")
    assert page.visible("#filter-type")


def test_resources_are_found_by_text_type_and_status(page):
    page.enter()
    page.tab("resources")
    page.choose("#filter-resource-type", "Boat")
    page.says("#resources-count", "All 40 resources")
    page.choose("#filter-resource-status", "Available")
    page.says("#resources-count", "All 30 resources")
    page.fill("#filter-resource-text", "place 009")
    eventually(lambda: page.texts("#resources .what")[0:1] == ["Place 009"], "the place")


def test_alerts_are_filtered_by_status_and_priority(page, system):
    region = system.regions_now()["COAST"]
    made = {
        priority: system.client.alerts.issue_alert(
            title=f"Alert of {priority} priority", message="Gusts.", region_id=region, priority=priority
        )
        for priority in ("low", "high")
    }
    system.client.alerts.draft_alert(title="Not yet", message="Gusts.", region_id=region, priority="low")
    page.enter()
    page.tab("alerts")
    page.says("#alerts-count", "All 2 alerts")
    page.choose("#filter-alert-priority", "High")
    page.says("#alerts-count", "1 alert")
    assert page.texts("#alerts .what") == [made["high"]["title"]]
    page.choose("#filter-alert-priority", "All")
    page.choose("#filter-alert-show", "Drafts")
    eventually(lambda: page.texts("#alerts .what") == ["Not yet"], "the draft")
    page.driver.refresh()
    eventually(lambda: page.texts("#alerts .what") == ["Not yet"], "the draft after a reload")


def test_an_open_report_is_in_the_address(page, system):
    [report] = system.client.reports.list_reports(text="ferry")["items"]
    page.enter()
    page.tab("reports")
    page.fill("#filter-text", "ferry")
    page.says("#reports-count", "1 report")
    page.open_entry("#reports", "Incident 7")
    page.says("#detail-title", "Incident 7")
    assert address(page)["open"] == f"report:{report['id']}"
    page.driver.refresh()
    page.says("#detail-title", "Incident 7")
    page.click("#detail-close")
    eventually(lambda: "open" not in address(page), "an address without it")


def test_comments_come_page_by_page(page, system):
    report = system.report("Much to say", lon=-72.5, lat=18.5)
    for number in range(52):
        system.client.reports.add_comment(report_id=report["id"], content=f"Comment {number}")
    page.driver.get(f"{system.url}/?open=report:{report['id']}")
    page.sign_in()
    page.says('#detail [aria-label="Comments"] .further', "The first 50 comments; there are more.")
    page.click('#detail [aria-label="Comments"] .further button')
    page.says('#detail [aria-label="Comments"] li', "Comment 51")
    assert not page.visible('#detail [aria-label="Comments"] .further')
    page.click("#detail-close")


@pytest.fixture(scope="module")
def empty():
    """A system with nothing in it, not even regions."""
    with running() as made:
        with made.superuser() as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("DELETE FROM identity.regions WHERE id <> %s", (UNKNOWN_REGION_ID,))
        yield made


def test_an_empty_system_says_what_to_do_first(browser, empty):
    browser.open(f"{empty.url}/")
    browser.fill("#email", "admin@impactx.example")
    browser.fill("#password", "a long enough password")
    browser.click("#sign-in button.primary")
    browser.says("#welcome", "Nothing is here yet")
    browser.says("#welcome", "import regions")
    browser.click("#welcome button")
    browser.find("#report-title")
