"""The alerts that hold now, asked for once for however many read them at the same time."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.schemas import GREATEST_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME: Final = 3.0
"""Seconds for which an answer is given again: what an alert may come late, and what spares the service a crowd."""

ONE_SECOND: Final = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What held at a moment.

    Attributes:
        alerts: As `services.alerts.schemas.PublicAlert` has them, the newest first.
        digest: Of all of them; another one when anything is different.
        changed_at: When that was seen first here, in whole seconds, for Last-Modified. Of the alerts themselves no
            time would do: one that ends leaves no time behind.
    """

    alerts: list[dict[str, Any]]
    digest: str
    changed_at: dt.datetime


class CurrentAlerts:
    """Remembers the last answer for `LIFETIME`.

    Args:
        call: Calls an RPC method without a token.
        clock: Seconds, always growing.
        now: The time of day, in UTC.
    """

    def __init__(
        self,
        call: Callable[[str, dict[str, Any]], Any],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._call = call
        self._clock = clock
        self._now = now
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._last: Snapshot | None = None

    def get(self) -> Snapshot:
        """What holds now, or held a moment ago.

        Raises:
            ImpactXError: The service could not be asked.
        """
        with self._asking:
            last = self._last
            if last is None or self._clock() - self._asked_at > LIFETIME:
                last = self._last = self._snapshot(last)
                self._asked_at = self._clock()
            return last

    def _snapshot(self, last: Snapshot | None) -> Snapshot:
        alerts = self._every_page()
        digest = hashlib.sha256(orjson.dumps(alerts)).hexdigest()[:32]
        if last is not None and last.digest == digest:
            return last
        changed_at = self._now().replace(microsecond=0)
        if last is not None:
            # A reader may have had the former content within the same second; it must not be told that it is current.
            changed_at = max(changed_at, last.changed_at + ONE_SECOND)
        return Snapshot(alerts, digest, changed_at)

    def _every_page(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            given = {"limit": GREATEST_LIMIT} | ({"cursor": cursor} if cursor else {})
            page = self._call("alerts.list_public_alerts", given)
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found
