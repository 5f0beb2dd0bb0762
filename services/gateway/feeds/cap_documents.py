"""Caches the CAP documents that were requested last without a token."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from uuid import UUID

LIFETIME: Final = 60.0
"""Seconds, the same as for caches between the gateway and its clients."""

MAX_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True)
class CapDocument:
    """A CAP message.

    Attributes:
        content: Its bytes.
        sent: When it was sent, if it says so.
    """

    content: bytes
    sent: dt.datetime | None

    @cached_property
    def etag(self) -> str:
        """A digest of the content."""
        return hashlib.sha256(self.content).hexdigest()[:32]


class CapDocuments:
    """Keeps documents for `LIFETIME`, up to `MAX_BYTES` together.

    Args:
        clock: Returns seconds, always growing.
        max_bytes: The bytes of all documents together.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_bytes: int = MAX_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[UUID, tuple[float, CapDocument]] = OrderedDict()

    def get(self, alert_id: UUID, ask: Callable[[], CapDocument]) -> CapDocument:
        """Return the document of an alert.

        Args:
            alert_id: The alert.
            ask: Requests it from the service.

        Raises:
            ImpactXError: It is not public, or the service did not answer; nothing is kept then.
        """
        held = self._kept.get(alert_id)
        if held is not None and self._clock() - held[0] <= LIFETIME:
            return held[1]
        document = ask()
        former = self._kept.pop(alert_id, None)
        self._bytes += len(document.content) - (len(former[1].content) if former else 0)
        self._kept[alert_id] = (self._clock(), document)
        while self._bytes > self._max_bytes:
            _, (_, oldest) = self._kept.popitem(last=False)
            self._bytes -= len(oldest.content)
        return document
