"""The regions of the tests, drawn by hand; a new installation has none.

They do not nest: tests of what nests make regions of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
import psycopg
from uuid6 import uuid7

if TYPE_CHECKING:
    from shared.client.calls import Client

RINGS: Final[tuple[tuple[str, str, list[list[float]]], ...]] = (
    (
        "HT",
        "Haiti",
        [
            [-74.7, 18.1],
            [-73.3, 18.0],
            [-71.7, 17.9],
            [-71.6, 18.9],
            [-71.6, 19.8],
            [-72.7, 20.2],
            [-73.6, 19.9],
            [-73.6, 18.8],
            [-74.7, 18.8],
        ],
    ),
    ("HT-PAP", "Port-au-Prince", [[-72.5, 18.4], [-72.1, 18.4], [-72.1, 18.7], [-72.5, 18.7]]),
    (
        "NP",
        "Nepal",
        [[80.0, 28.8], [84.0, 27.3], [88.2, 26.3], [88.2, 27.9], [85.9, 28.3], [82.2, 30.3], [80.3, 29.8]],
    ),
    (
        "US-FL",
        "Florida",
        [
            [-87.7, 30.2],
            [-84.0, 29.8],
            [-82.9, 27.7],
            [-82.0, 25.0],
            [-80.0, 25.0],
            [-79.9, 27.0],
            [-81.3, 30.8],
            [-87.7, 31.1],
        ],
    ),
)


def add_regions(admin_url: str) -> None:
    """Write the regions into a migrated database; their events wait in the outbox."""
    with psycopg.connect(admin_url) as connection:
        for code, name, ring in RINGS:
            connection.execute(
                "INSERT INTO identity.regions (id, code, name, boundaries, parent_is_declared)"
                " VALUES (%s, %s, %s, %s, true)",
                [uuid7(), code, name, orjson.dumps(_boundaries(ring)).decode()],
            )


def create_regions(client: Client) -> None:
    """Create the regions through the services, as the administrator."""
    for code, name, ring in RINGS:
        client.identity.create_region(code=code, name=name, boundaries=_boundaries(ring), parent_id=None)


def _boundaries(ring: list[list[float]]) -> dict[str, Any]:
    # counterclockwise, as identity stores them
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True))
    turned = ring if area > 0 else ring[::-1]
    return {"type": "Polygon", "coordinates": [[*turned, turned[0]]]}
