"""The alerts that hold now, asked for once for however many read them at the same time."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.platform.schemas import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME: Final = 3.0
"""Seconds for which an answer is given again while no events come in that would say what has changed."""

LIVE_LIFETIME: Final = 30.0
"""Seconds for which it is given again while they do: what an alert may come late whose event is late."""

RENDERED: Final = 8
"""Documents of one snapshot that are kept; there are as many addresses of ours as the settings name, twice."""

CHANGES: Final = frozenset({"", "alert_issued", "alert_status_changed", "region_updated"})
"""Types of events after which the alerts or what is said of them may be others; the empty one says that some were
missed."""

ONE_SECOND: Final = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What held at a moment.

    Attributes:
        alerts: As `services.alerts.schemas.PublicAlert` has them, the newest first.
        digest: Of all of them; another one when anything is different.
        changed_at: When that was seen first here, in whole seconds, for Last-Modified. Of the alerts themselves no
            time would do: one that ends leaves no time behind.
        until: When the first of them is over; None where none says so.
        rendered: Documents that were made of it, by what they were made for.
    """

    alerts: list[dict[str, Any]]
    digest: str
    changed_at: dt.datetime
    until: dt.datetime | None = None
    rendered: dict[Any, bytes] = field(default_factory=dict)

    def document(self, write: Callable[[Snapshot, str], bytes], base: str) -> bytes:
        """Return the document that ``write`` makes of this and our address; it is made once."""
        key = (write, base)
        if key not in self.rendered:
            if len(self.rendered) >= RENDERED:
                self.rendered.clear()
            self.rendered[key] = write(self, base)
        return self.rendered[key]


class CurrentAlerts:
    """Remembers the last answer until something has changed.

    Events say that something has. Where none come in, it asks again after `LIFETIME`; where they do, after
    `LIVE_LIFETIME` and when an alert is over.

    Args:
        call: Calls an RPC method without a token.
        is_live: Whether events come in now.
        clock: Seconds, always growing.
        now: The time of day, in UTC.
    """

    def __init__(
        self,
        call: Callable[[str, dict[str, Any]], Any],
        *,
        is_live: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._call = call
        self._is_live = is_live
        self._clock = clock
        self._now = now
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._last: Snapshot | None = None
        self._changes = 0
        self._changes_known = 0

    def hear(self, event_type: str) -> None:
        """Note an event; what it may have changed is asked for by the next reader."""
        if event_type in CHANGES:
            self._changes += 1

    def get(self) -> Snapshot:
        """Return what holds now, or held a moment ago.

        Raises:
            ImpactXError: The service could not be asked.
        """
        last = self._last
        if last is not None and self._is_current(last):
            return last
        with self._asking:
            last = self._last
            if last is None or not self._is_current(last):
                # What changes while it is being asked is asked for again.
                changes, asked_at = self._changes, self._clock()
                last = self._last = self._snapshot(last)
                self._changes_known, self._asked_at = changes, asked_at
            return last

    def _is_current(self, last: Snapshot) -> bool:
        lifetime = LIVE_LIFETIME if self._is_live() else LIFETIME
        return (
            self._changes == self._changes_known
            and self._clock() - self._asked_at <= lifetime
            and (last.until is None or self._now() < last.until)
        )

    def _snapshot(self, last: Snapshot | None) -> Snapshot:
        alerts = self._every_page()
        digest = hashlib.sha256(orjson.dumps(alerts)).hexdigest()[:32]
        if last is not None and last.digest == digest and (last.until is None or self._now() < last.until):
            return last
        changed_at = self._now().replace(microsecond=0)
        if last is not None and last.digest == digest:
            changed_at = last.changed_at
        elif last is not None:
            # A reader may have had the former content within the same second; it must not be told that it is current.
            changed_at = max(changed_at, last.changed_at + ONE_SECOND)
        ends = [dt.datetime.fromisoformat(alert["expires_at"]) for alert in alerts if alert.get("expires_at")]
        # An alert that is over and is shown all the same must not have it asked for at every read.
        later = [end for end in ends if end > self._now()]
        return Snapshot(alerts, digest, changed_at, min(later, default=None))

    def _every_page(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            given = {"limit": MAX_LIMIT} | ({"cursor": cursor} if cursor else {})
            page = self._call("alerts.list_public_alerts", given)
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found
