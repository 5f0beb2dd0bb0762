"""``GET /api/v1/stream``: events as they happen.

A browser's ``EventSource`` cannot send the token, and a token must not be part of an address, since addresses are
logged and kept in histories: pages read the stream with ``fetch``. See docs/adr/0037-live-stream.md.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import flask_smorest
import jwt
from flask import Response, request
from marshmallow import fields, validate

from services.gateway.http import requests
from services.gateway.http.context import bound_call, gateway, signed_in_caller
from services.gateway.live import frames
from services.gateway.live.audiences import BY_TYPE, Hearing
from services.gateway.openapi.operations import problems
from services.gateway.routes.blueprint import PREFIX
from shared.client.errors import Forbidden, RateLimited, Unavailable
from shared.platform.schemas import Arguments, Identifier, OneOrList, Text, load

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """The requested types of events and regions; without either, all events that the caller may see.

    A region means all that lies in it; with ``exact``, only itself.
    """

    type = OneOrList(Text(max_length=MAX_TYPE_LENGTH, validate=validate.OneOf(sorted(BY_TYPE))))
    region_id = OneOrList(Identifier())
    exact = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


ARGUMENTS: Final = Listen()
DESCRIPTION: Final = """Server-Sent Events, each a CloudEvent in JSON with the data that `docs/event-data.md` describes.

The stream contains events about objects that the caller may read: reports, resources and alerts of the regions that the
caller's permissions cover and of all that lies in them, the caller's own reports, accounts (with `user:read`), and
regions. `region_id` selects regions with all that lies in them; with `exact`, only the regions themselves. Both follow
a region that is moved. Events about alerts for groups or accounts go to those whom the alert names and to its issuer,
and about alerts for groups to holders of `alert:read_restricted`; groups that are narrowed to a region and more than
a hundred accounts are not named. `Last-Event-ID` resumes after an event that is still available. An event may be sent
twice, with the same `id`. There are two other events: `reset` means that events may have been missed, so reload what
you show; `end` means that the stream is over. Its `reason` is `token_expired` or `stopping`, so connect again; or it
says why the token is refused from now on (`role_revoked`, `permissions_changed`, `deactivated` and others, as in a
problem with the status 401), so get a new token, which an account that is closed does not get.
A comment is sent every 5 seconds."""
DOCUMENTATION: Final[dict[str, Any]] = {
    "operationId": "stream",
    "summary": "Stream events as they happen.",
    "description": DESCRIPTION,
    "parameters": [
        {"in": "query", "schema": ARGUMENTS},
        {
            "in": "header",
            "name": "Last-Event-ID",
            "description": "The id of the last event that the client received.",
            "required": False,
            "schema": {"type": "string"},
        },
    ],
    "responses": {
        "200": {"description": "Events, until the token expires or is revoked.", "content": {MEDIA_TYPE: {}}},
        **problems(
            {
                "invalid": "Some input is not valid; `fields` names each field and the reason.",
                "unauthenticated": "The token is missing, expired, revoked or not valid; get a new one.",
                "forbidden": "The caller may not see any event of a requested type.",
                "rate_limited": "The account has too many open streams.",
                "unavailable": "The message broker is unavailable.",
                "internal": "The gateway has a fault; a repeat would fail again.",
            }
        ),
    },
}

live = flask_smorest.Blueprint("live", __name__, url_prefix=PREFIX, description="Events as they happen.")


@live.route("/stream", methods=["GET"], endpoint="stream")
@live.doc(**DOCUMENTATION)
def stream() -> Response:
    """Stream events until the token expires, or the client or the gateway closes the connection."""
    caller = signed_in_caller()
    given = load(ARGUMENTS, requests.query_arguments(ARGUMENTS))
    broadcast = gateway().live
    if not broadcast.is_live:
        raise Unavailable(
            "The live stream is unavailable, because the message broker cannot be reached. Try again later."
        )
    _check_number(broadcast, caller)
    hearing = _hearing(caller, given, broadcast)
    request.environ[WRITE_AT_ONCE] = 1
    events = broadcast.listen(
        caller.user_id,
        hearing,
        _seconds_left(caller),
        _start(broadcast),
        partial(gateway().revocations.reason_to_refuse, caller),
    )
    return Response(events, content_type=MEDIA_TYPE, headers=HEADERS)


def _check_number(broadcast: Broadcast, caller: Caller) -> None:
    limit = gateway().settings.http_streams
    if broadcast.listening(caller.user_id) >= limit:
        raise RateLimited(
            f"This account has {limit} open streams, which is the maximum (IMPACTX_HTTP_STREAMS). Close one first.",
            retry_after=RETRY_SECONDS,
        )


def _hearing(caller: Caller, given: Mapping[str, Any], broadcast: Broadcast) -> Hearing:
    types = frozenset(given.get("type", ()))
    hearing = Hearing(
        caller,
        types,
        frozenset(given.get("region_id", ())),
        exact=given["exact"],
        parents=broadcast.regions,
        call=bound_call(),
    )
    missing = sorted({BY_TYPE[name].permission for name in types - hearing.types})
    if missing:
        raise Forbidden(f"The permission {', '.join(missing)} is required.", permission=missing)
    return hearing


def _seconds_left(caller: Caller) -> float:
    """Return the seconds until the token expires; it has been verified, so its claims can be trusted."""
    claims = jwt.decode(caller.token, options={"verify_signature": False})
    return float(claims["exp"]) - time.time()


def _start(broadcast: Broadcast) -> int | None:
    """Return the listener's position; None if it wants to resume and cannot."""
    given = request.headers.get("Last-Event-ID", "")
    if not given:
        return broadcast.recent.next
    event_id, replica = frames.last_seen(given)
    return broadcast.recent.after(event_id, overlap=replica not in ("", broadcast.replica))
