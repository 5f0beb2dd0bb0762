"""The catalogues of report types and severity levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.reports.models import report_types, severity_levels
from shared.domain.catalogue import Catalogue, Entries

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.reports.schemas import types

TYPES: Final[Catalogue[types.ReportType]] = Catalogue(report_types, "report type")
LEVELS: Final[Catalogue[types.SeverityLevel]] = Catalogue(severity_levels, "severity level", order="level")

SEVERITY_LEVELS: Final = (
    ("Low", 1, "#2E7D32", "Little harm; can wait."),
    ("Medium", 2, "#F9A825", "Some harm; needs attention within days."),
    ("High", 3, "#EF6C00", "Serious harm; needs attention within a day."),
    ("Severe", 4, "#C62828", "Lives or vital services are in danger."),
    ("Catastrophic", 5, "#6A1B9A", "Many lives are lost or in immediate danger."),
)
"""Name, level, colour and meaning of the severity levels that every installation begins with."""

REPORT_TYPES: Final = (
    ("Earthquake", "Shaking of the ground and its aftershocks."),
    ("Flood", "Water where it should not be, from rivers, rain or the sea."),
    ("Storm", "Hurricane, cyclone, tornado or other damaging wind."),
    ("Landslide", "Earth, mud, snow or rock that moves downhill."),
    ("Tsunami", "Waves from an earthquake or landslide under water."),
    ("Volcanic Eruption", "Lava, ash or gas from a volcano."),
    ("Drought", "A long lack of water."),
    ("Extreme Temperature", "Heat or cold that endangers people."),
    ("Fire", "Burning buildings or vegetation."),
    ("Explosion", "A blast and its consequences."),
    ("Hazardous Material", "Chemical, biological or radioactive substances set free."),
    ("Collapsed Structure", "A building or bridge that fell or may fall."),
    ("Blocked Road", "A way that people and help cannot use."),
    ("Power Outage", "No electricity."),
    ("Communication Outage", "No telephone, radio or internet."),
    ("Water Shortage", "No safe drinking water."),
    ("Food Shortage", "Not enough to eat."),
    ("Shelter Needed", "People without a roof."),
    ("Medical Emergency", "People who need medical help or supplies."),
    ("Disease Outbreak", "An illness that spreads."),
    ("People Trapped", "People who must be freed."),
    ("Missing Person", "Somebody whose whereabouts are not known."),
    ("Security Incident", "Violence, looting or a threat of it."),
    ("Other", "Anything that fits nowhere else."),
)
"""Name and meaning of the report types that every installation begins with."""


def seed(connection: Connection) -> None:
    """Add the shipped severity levels and report types that are missing, by name; existing ones stay as they are."""
    LEVELS.add_missing(
        connection,
        [
            {"name": name, "level": level, "color_code": color, "description": description}
            for name, level, color, description in SEVERITY_LEVELS
        ],
    )
    TYPES.add_missing(
        connection, [{"name": name, "description": description} for name, description in REPORT_TYPES]
    )


def entries(connection: Connection) -> dict[str, Entries]:
    """Return the entries of both catalogues, by the argument that refers to them."""
    return {
        "report_type_id": TYPES.entries(connection),
        "severity_level_id": LEVELS.entries(connection),
    }
