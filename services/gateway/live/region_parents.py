"""Which region lies in which, in the memory of a gateway: read once, then kept up to date by the events it hears."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from shared.client.errors import ImpactXError
from shared.platform.concurrency import Semaphore
from shared.platform.schemas import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 5.0
"""Interval between attempts to read the regions while identity does not answer."""


class RegionParents:
    """The parents of all regions.

    Until they have been read, every region stands for itself: a listener may then hear less than it should, never more.

    Args:
        clock: Returns seconds, always growing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._parents: dict[UUID, tuple[int, UUID | None]] = {}
        self._lineages: dict[UUID, frozenset[UUID]] = {}
        self._is_known = False
        self._generation = 0
        self._next_attempt = float("-inf")
        self._reading = Semaphore(1)

    def hear(self, region_id: UUID, version: int, parent_id: UUID | None) -> None:
        """Note the parent of a region, unless a newer version of the region is known."""
        held = self._parents.get(region_id)
        if held is None or version > held[0]:
            self._parents[region_id] = version, parent_id
            if held is None or held[1] != parent_id:
                self._lineages.clear()

    def forget(self) -> None:
        """Forget everything, because events may have been missed."""
        self._parents.clear()
        self._lineages.clear()
        self._is_known = False
        self._generation += 1
        self._next_attempt = float("-inf")

    def lineage(self, region_id: UUID) -> frozenset[UUID]:
        """Return the region and those that contain it, as far as they are known."""
        if not self._is_known:
            return frozenset({region_id})
        found = self._lineages.get(region_id)
        if found is None:
            path, at = {region_id}, self._parent_of(region_id)
            # It goes round while only some of several moves were heard.
            while at is not None and at not in path:
                path.add(at)
                at = self._parent_of(at)
            found = self._lineages[region_id] = frozenset(path)
        return found

    def _parent_of(self, region_id: UUID) -> UUID | None:
        held = self._parents.get(region_id)
        return None if held is None else held[1]

    def read(self, call: Callable[[str, dict[str, Any]], Any]) -> bool:
        """Read the regions from identity unless they are known, and return whether they are.

        One caller reads and the others wait for it. After a failure, there is no other attempt for `RETRY_SECONDS`.

        Args:
            call: Calls an RPC method on behalf of a listener.
        """
        if not self._is_known:
            with self._reading:
                self._read(call)
        return self._is_known

    def _read(self, call: Callable[[str, dict[str, Any]], Any]) -> None:
        if self._is_known or self._clock() < self._next_attempt:
            return
        generation, cursor = self._generation, None
        try:
            while True:
                given = {"limit": MAX_LIMIT} | ({"cursor": cursor} if cursor else {})
                page = call("identity.list_regions", given)
                for region in page["items"]:
                    self._hear_read(region)
                cursor = page["next_cursor"]
                if not cursor:
                    break
        except ImpactXError as error:
            self._next_attempt = self._clock() + RETRY_SECONDS
            logger.warning("cannot read which region lies in which: %s", error)
            return
        # Events that were missed meanwhile may have been about regions that had been read.
        self._is_known = generation == self._generation

    def _hear_read(self, region: Mapping[str, Any]) -> None:
        parent_id = region.get("parent_id")
        self.hear(UUID(region["id"]), region["version"], UUID(parent_id) if parent_id else None)
