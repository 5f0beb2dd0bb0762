"""The catalogues: report types and severity levels. Entries are never deleted, since reports name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.reports.models import report_types, severity_levels
from shared.domain.catalogue import Catalogue, add_missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

TYPES: Final = Catalogue(report_types, "report type")
LEVELS: Final = Catalogue(severity_levels, "severity level", order="level")

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
    """Adds the shipped severity levels and report types that are missing, by name; what is there stays as it is."""
    levels = [
        {"name": name, "level": level, "color_code": color, "description": description}
        for name, level, color, description in SEVERITY_LEVELS
    ]
    types = [{"name": name, "description": description} for name, description in REPORT_TYPES]
    add_missing(connection, severity_levels, levels)
    add_missing(connection, report_types, types)


def create_report_type(connection: Connection, caller: Caller, arguments: Mapping[str, Any]) -> RowMapping:
    """Adds a report type, in use from now on.

    Args:
        connection: In autocommit; it is one statement.
        caller: The caller.
        arguments: As `schemas.CreateReportType` loads them.

    Raises:
        Conflict: The name or the id is taken.
    """
    return TYPES.create(connection, caller, arguments)


def create_severity_level(connection: Connection, caller: Caller, arguments: Mapping[str, Any]) -> RowMapping:
    """Adds a severity level.

    Args:
        connection: In autocommit; it is one statement.
        caller: The caller.
        arguments: As `schemas.CreateSeverityLevel` loads them.

    Raises:
        Conflict: The name or the id is taken.
    """
    return LEVELS.create(connection, caller, arguments)


def update_report_type(
    connection: Connection, report_type_id: UUID, changes: Mapping[str, Any]
) -> RowMapping:
    """Changes a report type; ``is_active`` false takes it out of use, and reports that have it keep it.

    Args:
        connection: In autocommit; it is one statement.
        report_type_id: The type.
        changes: New values by column. Repeating them changes nothing more, so no version is asked for.

    Raises:
        NotFound: There is no such type.
        Conflict: The name is taken.
    """
    return TYPES.update(connection, report_type_id, changes)


def update_severity_level(
    connection: Connection, severity_level_id: UUID, changes: Mapping[str, Any]
) -> RowMapping:
    """Changes a severity level, for the reports that have it too.

    Args:
        connection: In autocommit; it is one statement.
        severity_level_id: The level.
        changes: New values by column. Repeating them changes nothing more, so no version is asked for.

    Raises:
        NotFound: There is no such level.
        Conflict: The name is taken.
    """
    return LEVELS.update(connection, severity_level_id, changes)
