"""``GET /api/v1/stream``: what happens, as it happens.

A browser's ``EventSource`` cannot send the token, and it shall not stand in an address, which is logged and kept in
histories: pages read the stream with ``fetch``. See docs/adr/0037-live-stream.md.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import flask_smorest
import jwt
from flask import Response, request
from marshmallow import validate

from services.gateway.http import requests
from services.gateway.http.context import gateway, signed_in_caller
from services.gateway.live import frames
from services.gateway.live.audiences import BY_TYPE, Hearing
from services.gateway.openapi.operations import problems
from services.gateway.routes.blueprint import PREFIX
from shared.client.errors import Forbidden, RateLimited, Unavailable
from shared.domain.geo_filters import OneOrList
from shared.platform.schemas import Arguments, Identifier, Text, load

if TYPE_CHECKING:
    from uuid import UUID

    from services.gateway.live.broadcast import Broadcast
    from shared.platform.rpc.context import Caller

MEDIA_TYPE: Final = "text/event-stream"
RETRY_SECONDS: Final = 5
MAX_TYPE_LENGTH: Final = 100
HEADERS: Final = {
    "Cache-Control": "no-store",
    # Tells nginx to pass on each event at once.
    "X-Accel-Buffering": "no",
}
WRITE_AT_ONCE: Final = "eventlet.minimum_write_chunk_size"
"""The server collects small pieces of a response to larger ones unless this says otherwise."""


class Listen(Arguments):
    """What to hear of: some types of events, or some regions; without either, everything that one may hear of."""

    type = OneOrList(Text(max_length=MAX_TYPE_LENGTH, validate=validate.OneOf(sorted(BY_TYPE))))
    region_id = OneOrList(Identifier())


ARGUMENTS: Final = Listen()
DESCRIPTION: Final = """Server-Sent Events, each a CloudEvent in JSON with the data that `docs/event-data.md` describes.

One hears of what one may read: reports, resources and alerts of the regions that one's permissions cover, one's own
reports, accounts with `user:read`, and regions. `Last-Event-ID` resumes after an event where it is still known. An
event may come twice; its `id` says so. Besides there are `reset`: events may have been missed, so read anew what you
show; and `end`: the token has expired or the gateway stops, so come again. A comment comes every 15 seconds."""
DOCUMENTATION: Final[dict[str, Any]] = {
    "operationId": "stream",
    "summary": "Tells what happens, as it happens.",
    "description": DESCRIPTION,
    "parameters": [
        {"in": "query", "schema": ARGUMENTS},
        {
            "in": "header",
            "name": "Last-Event-ID",
            "description": "The id of the last event that was seen.",
            "required": False,
            "schema": {"type": "string"},
        },
    ],
    "responses": {
        "200": {"description": "Events, until the token expires.", "content": {MEDIA_TYPE: {}}},
        **problems(
            {
                "invalid": "Some input is wrong; `fields` says what and why.",
                "unauthenticated": "The token is missing, expired or not genuine.",
                "forbidden": "One may hear of no event of a type that is asked for.",
                "rate_limited": "The account listens to too many streams.",
                "unavailable": "The message broker is away.",
                "internal": "The gateway has a fault; a repeat would meet it again.",
            }
        ),
    },
}

live = flask_smorest.Blueprint(
    "live", __name__, url_prefix=PREFIX, description="What happens, as it happens."
)


@live.route("/stream", methods=["GET"], endpoint="stream")
@live.doc(**DOCUMENTATION)
def stream() -> Response:
    """Listens until the token expires or one of both sides goes."""
    caller = signed_in_caller()
    given = load(ARGUMENTS, requests.query_arguments(ARGUMENTS))
    broadcast = gateway().live
    if not broadcast.is_live:
        raise Unavailable("The message broker is away, so there is nothing to hear.")
    _check_number(broadcast, caller)
    hearing = _hearing(caller, frozenset(given.get("type", ())), frozenset(given.get("region_id", ())))
    request.environ[WRITE_AT_ONCE] = 1
    events = broadcast.listen(caller.user_id, hearing, _seconds_left(caller), _start(broadcast))
    return Response(events, content_type=MEDIA_TYPE, headers=HEADERS)


def _check_number(broadcast: Broadcast, caller: Caller) -> None:
    limit = gateway().settings.http_streams
    if broadcast.listening(caller.user_id) >= limit:
        raise RateLimited(
            f"An account may listen to {limit} streams at the same time here (IMPACTX_HTTP_STREAMS).",
            retry_after=RETRY_SECONDS,
        )


def _hearing(caller: Caller, types: frozenset[str], regions: frozenset[UUID]) -> Hearing:
    hearing = Hearing(caller, types, regions)
    missing = sorted({BY_TYPE[name].permission for name in types - hearing.types})
    if missing:
        raise Forbidden(f"This needs the permission {', '.join(missing)}.", permission=missing)
    return hearing


def _seconds_left(caller: Caller) -> float:
    """Until the token expires; it has been verified, so its claims can be believed."""
    claims = jwt.decode(caller.token, options={"verify_signature": False})
    return float(claims["exp"]) - time.time()


def _start(broadcast: Broadcast) -> int | None:
    """The listener's place; None where it wants to resume and cannot."""
    given = request.headers.get("Last-Event-ID", "")
    if not given:
        return broadcast.recent.next
    event_id, replica = frames.last_seen(given)
    return broadcast.recent.after(event_id, overlap=replica not in ("", broadcast.replica))
