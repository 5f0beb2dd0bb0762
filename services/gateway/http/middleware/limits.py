"""Limits the requests of each client: by account where there is a valid token, else by network address.

They are counted in the memory of this replica, so n replicas together allow n times as many; failed sign-ins are
counted by the identity service, in its database.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from flask import request

from services.gateway.http import errors
from services.gateway.http.context import current_caller
from shared.client.errors import RateLimited
from shared.platform.http.addresses import client_network
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response

    from shared.platform.settings import Settings

UNLIMITED: Final = ("/health/", "/metrics")
MAX_CLIENTS: Final = 100_000


class Allowances:
    """The requests that each client may still send: a bucket of ``burst`` requests that fills by ``rate`` a second.

    Each client is kept as one number, the time at which its bucket will be full again (GCRA); clients that have been
    away longest are forgotten first.

    Args:
        rate: Requests a second.
        burst: Requests at once.
        clock: Seconds, always growing.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate
        self._most_ahead = (burst - 1) / rate
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one request from the client's bucket.

        Returns:
            0 if there was one, else the seconds until there will be one.
        """
        now = self._clock()
        full_at = max(self._full_at.get(client, now), now)
        wait = full_at - now - self._most_ahead
        if wait > 0:
            return wait
        self._full_at[client] = full_at + self._interval
        self._full_at.move_to_end(client)
        if len(self._full_at) > MAX_CLIENTS:
            self._full_at.popitem(last=False)
        return 0.0


def install(app: Flask, settings: Settings) -> None:
    """Limit the rate of requests; to be called after the callers are identified."""
    if settings.http_rate == 0:
        return
    allowances = Allowances(settings.http_rate, settings.http_burst)

    def admit() -> None:
        if not request.path.startswith(UNLIMITED):
            caller = current_caller()
            _take(allowances, str(caller.user_id) if caller else client_network(request.remote_addr))

    def count_refused_tokens(response: Response) -> Response:
        """Count a request with a wrong token by its address, as it is refused before `admit` is called."""
        if response.status_code == errors.STATUS["unauthenticated"] and "Authorization" in request.headers:
            try:
                _take(allowances, client_network(request.remote_addr))
            except RateLimited as error:
                return app.make_response(app.handle_user_exception(error))
        return response

    app.before_request(admit)
    app.after_request(count_refused_tokens)


def _take(allowances: Allowances, client: str) -> None:
    wait = allowances.take(client)
    if wait > 0:
        metrics.http_refused.inc()
        raise RateLimited(
            "Too many requests. Wait for the time that Retry-After gives.", retry_after=math.ceil(wait)
        )
