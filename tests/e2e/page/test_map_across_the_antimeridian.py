"""The map of somebody whose regions lie on both sides of the antimeridian."""

from __future__ import annotations

import pytest

from tests.support.waiting import eventually


def box(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture(scope="module")
def islands(system):
    """A region that crosses the antimeridian and one east of it."""
    made = system.client.identity.create_region
    made(code="AM-WEST", name="Isles", boundaries=box(177, -19, -179, -16))
    made(code="AM-EAST", name="Atoll", boundaries=box(-178, -19, -174, -16))


def scale(page):
    """What the map's scale says, in kilometres."""
    [text] = page.texts("#map .leaflet-control-scale-line")
    number, unit = text.split()
    return float(number) / (1 if unit == "km" else 1000)


def names(page):
    """The names of regions that lie on the visible part of the map, with the pixels from its left edge."""
    return page.driver.execute_script(
        """
        const chart = document.querySelector("#map").getBoundingClientRect();
        const middle = (box) => (box.left + box.right) / 2 - chart.left;
        return Object.fromEntries([...document.querySelectorAll("#map .region-name")]
          .map((one) => [one.innerText, middle(one.getBoundingClientRect())])
          .filter(([, x]) => x > 0 && x < chart.width));
        """
    )


@pytest.mark.parametrize("codes", [["AM-WEST"], ["AM-WEST", "AM-EAST"]])
def test_regions_across_the_antimeridian_are_framed_and_not_the_whole_earth(page, system, islands, codes):
    page.enter(system.person("coordinator", regions=codes))
    eventually(lambda: scale(page) <= 300, "a map of some islands")
    shown = {"AM-WEST": "Isles", "AM-EAST": "Atoll"}
    eventually(lambda: {shown[code] for code in codes} <= names(page).keys(), "the names of the regions")


def test_of_two_regions_the_one_east_of_the_antimeridian_is_drawn_east(page, system, islands):
    page.enter(system.person("coordinator", regions=["AM-WEST", "AM-EAST"]))
    eventually(lambda: {"Isles", "Atoll"} <= names(page).keys(), "the names of both regions")
    found = names(page)
    assert found["Isles"] < found["Atoll"]
