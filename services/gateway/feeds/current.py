"""The current public alerts, requested from the service once for any number of readers."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.platform.schemas import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import TypeAlias
    from uuid import UUID

    from shared.client.types.alerts import PageOfPublicAlert, PublicAlert

    Writer: TypeAlias = "Callable[[Snapshot, str, str], bytes]"

LIFETIME: Final = 3.0
"""Seconds for which a result is reused while no events arrive that would tell of changes."""

LIVE_LIFETIME: Final = 30.0
"""Seconds for which it is reused while events arrive: an alert whose event is late may appear that much later."""

RENDERED: Final = 8
"""Documents of one snapshot that are kept: two feeds for each of the gateway's addresses in the settings."""

CHANGES: Final = frozenset({"", "alert_issued", "alert_status_changed", "region_updated"})
"""Types of events after which the alerts or their texts may have changed; the empty one means that some were missed."""

MAX_REGIONS: Final = 200
"""Sets of regions whose alerts are kept apart; of more, those that nobody has read for longest are forgotten."""

ONE_SECOND: Final = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The current alerts at one moment.

    Attributes:
        alerts: The alerts as `services.alerts.schemas.PublicAlert`, the newest first.
        digest: A digest of all of them.
        changed_at: When this digest was first seen here, in whole seconds, for Last-Modified. No time of the alerts
            themselves would do, since an alert that expires leaves none behind.
        until: When the first of them expires; None if none does.
        rendered: The documents that were made of it, by writer and base address.
    """

    alerts: list[PublicAlert]
    digest: str
    changed_at: dt.datetime
    until: dt.datetime | None = None
    rendered: dict[tuple[Writer, str, str], bytes] = field(default_factory=dict)

    def document(self, write: Writer, base: str, query: str) -> bytes:
        """Return the document that ``write`` makes of this snapshot and the address it was read at; it is made once."""
        key = (write, base, query)
        if key not in self.rendered:
            if len(self.rendered) >= RENDERED:
                self.rendered.clear()
            self.rendered[key] = write(self, base, query)
        return self.rendered[key]


class CurrentAlerts:
    """Keeps the last snapshot until something has changed.

    Events tell of changes. While none arrive, the alerts are requested again after `LIFETIME`; while they do, after
    `LIVE_LIFETIME` and when an alert has expired.

    Args:
        call: Calls an RPC method without a token.
        filters: Which of the alerts, as the arguments of `alerts.list_public_alerts`.
        is_live: Returns whether events arrive at present.
        clock: Returns seconds, always growing.
        now: Returns the time of day, in UTC.
    """

    def __init__(
        self,
        call: Callable[[str, dict[str, Any]], Any],
        *,
        filters: Mapping[str, Any] | None = None,
        is_live: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._call = call
        self._filters = dict(filters or {})
        self._is_live = is_live
        self._clock = clock
        self._now = now
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._last: Snapshot | None = None
        self._changes = 0
        self._changes_known = 0

    def hear(self, event_type: str) -> None:
        """Note an event; the next reader has the alerts requested again if it may have changed them."""
        if event_type in CHANGES:
            self._changes += 1

    def get(self) -> Snapshot:
        """Return the current alerts, or those of a moment ago.

        Raises:
            ImpactXError: The service did not answer.
        """
        last = self._last
        if last is not None and self._is_current(last):
            return last
        with self._asking:
            last = self._last
            if last is None or not self._is_current(last):
                # Changes that arrive during the call cause another one.
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
            # A reader that got the former content within the same second must not be told that it is current.
            changed_at = max(changed_at, last.changed_at + ONE_SECOND)
        ends = [dt.datetime.fromisoformat(end) for alert in alerts if (end := alert.get("expires_at"))]
        # An expired alert that is still listed must not cause a call at every read.
        later = [end for end in ends if end > self._now()]
        return Snapshot(alerts, digest, changed_at, min(later, default=None))

    def _every_page(self) -> list[PublicAlert]:
        found: list[PublicAlert] = []
        cursor = None
        while True:
            given = self._filters | {"limit": MAX_LIMIT} | ({"cursor": cursor} if cursor else {})
            page: PageOfPublicAlert = self._call("alerts.list_public_alerts", given)
            found += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return found


class CurrentAlertsByRegion:
    """The current public alerts of everywhere, and of the regions that are asked for, each requested once.

    Args:
        make: Makes a `CurrentAlerts`, of some ``filters``.
    """

    def __init__(self, make: Callable[..., CurrentAlerts]) -> None:
        self._make = make
        self._everywhere = make()
        self._of_regions: OrderedDict[tuple[frozenset[UUID], bool], CurrentAlerts] = OrderedDict()

    def hear(self, event_type: str) -> None:
        """Note an event; see `CurrentAlerts.hear`."""
        for current in (self._everywhere, *self._of_regions.values()):
            current.hear(event_type)

    def get(self, region_ids: Collection[UUID] = (), *, exact: bool = False) -> Snapshot:
        """Return the current alerts of everywhere, or of regions and what lies in them.

        Args:
            region_ids: The regions; everywhere without any.
            exact: Whether only the regions themselves are meant.

        Raises:
            ImpactXError: The service did not answer.
        """
        if not region_ids:
            return self._everywhere.get()
        key = (frozenset(region_ids), exact)
        current = self._of_regions.get(key)
        if current is None:
            current = self._of_regions[key] = self._make(
                filters={"region_id": sorted(map(str, region_ids)), "exact": exact}
            )
            if len(self._of_regions) > MAX_REGIONS:
                self._of_regions.popitem(last=False)
        else:
            self._of_regions.move_to_end(key)
        return current.get()
