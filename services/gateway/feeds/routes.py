"""``/feeds/alerts.atom``, ``/feeds/alerts.rss`` and ``/alerts/{id}.cap``."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import flask_smorest
from flask import Response, current_app, request

from services.gateway.feeds import documents
from services.gateway.feeds.cap_documents import CapDocument, CapDocuments
from services.gateway.feeds.current import CurrentAlerts, CurrentAlertsByRegion
from services.gateway.http.context import call, current_caller
from services.gateway.http.requests import own_address, query_arguments
from services.gateway.openapi.operations import problems
from shared.domain.geo_filters import InRegions
from shared.platform.schemas import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from flask import Flask

    from services.gateway.feeds.current import Writer
    from services.gateway.http.context import Gateway
    from shared.client.types.alerts import AlertCap

CURRENT: Final = "impactx-current-alerts"
DOCUMENTS: Final = "impactx-cap-documents"
FEED_CACHE: Final = "public, max-age=10"
CAP_CACHE: Final = "public, max-age=60"
NOT_FOR_ALL: Final = "private, no-cache"
SENT: Final = re.compile(r"<sent>([^<]+)</sent>")
REFUSED: Final = {
    "misdirected_request": "The Host header names no host of this server.",
    "invalid": "A parameter is not valid; `fields` names it and the reason.",
}
UNAVAILABLE: Final = {
    "rate_limited": "Too many requests. Retry-After gives the seconds to wait.",
    "unavailable": "A service is temporarily unavailable. Repeat the request later.",
    "timeout": "A service did not answer in time. The request can be repeated.",
    "internal": "A service or the gateway has a fault; a repeat would fail again.",
}

ARGUMENTS: Final = InRegions()

feeds = flask_smorest.Blueprint("feeds", __name__, description="The current public alerts, without a token.")


def install(app: Flask, gateway_: Gateway) -> None:
    """Give the application the caches of the feeds."""
    current = app.extensions[CURRENT] = CurrentAlertsByRegion(
        partial(
            CurrentAlerts,
            lambda method, arguments: gateway_.rpc.call(method, arguments, token=""),
            is_live=lambda: gateway_.live.is_live,
        )
    )
    gateway_.live.watch(current.hear)
    app.extensions[DOCUMENTS] = CapDocuments()


def _described(
    name: str, summary: str, media_type: str, refusals: dict[str, str], **more: Any
) -> dict[str, Any]:
    done = {"description": "The document.", "content": {media_type: {"schema": {"type": "string"}}}}
    unchanged = {
        "description": "The client has the current document, as If-None-Match or If-Modified-Since tells."
    }
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": done, "304": unchanged} | problems(refusals | UNAVAILABLE),
        **more,
    }


def _described_feed(name: str, summary: str, media_type: str) -> dict[str, Any]:
    return _described(name, summary, media_type, REFUSED, parameters=[{"in": "query", "schema": ARGUMENTS}])


@feeds.route(documents.ATOM_PATH, methods=["GET"], endpoint="atom")
@feeds.doc(
    **_described_feed("alerts_atom", "Return the current public alerts as an Atom feed.", documents.ATOM_TYPE)
)
def atom() -> Response:
    """Return the Atom feed of the public alerts."""
    return _feed(documents.atom, documents.ATOM_TYPE)


@feeds.route(documents.RSS_PATH, methods=["GET"], endpoint="rss")
@feeds.doc(
    **_described_feed("alerts_rss", "Return the current public alerts as an RSS feed.", documents.RSS_TYPE)
)
def rss() -> Response:
    """Return the RSS feed of the public alerts."""
    return _feed(documents.rss, documents.RSS_TYPE)


@feeds.route("/alerts/<uuid:alert_id>.cap", methods=["GET"], endpoint="cap")
@feeds.doc(
    **_described(
        "alert_cap",
        "Return an alert as a CAP 1.2 document; without a token, a public one only.",
        documents.CAP_TYPE,
        {
            "not_found": "The alert does not exist, or the caller may not see it.",
            "unauthenticated": "The token is expired or not valid.",
            "conflict": "The alert was never issued.",
        },
    )
)
def cap(alert_id: UUID) -> Response:
    """Return the document of an issued alert, which never changes; updates and cancellations have their own."""

    def ask() -> CapDocument:
        found: AlertCap = call("alerts.get_alert_cap", {"alert_id": alert_id})
        message = found["cap"]
        sent = SENT.search(message)
        return CapDocument(message.encode(), dt.datetime.fromisoformat(sent[1]) if sent else None)

    kept: CapDocuments = current_app.extensions[DOCUMENTS]
    # A caller with a token may see more than the public, so the service is asked each time and nothing is kept.
    document = kept.get(alert_id, ask) if current_caller() is None else ask()
    response = Response(document.content, content_type=documents.CAP_TYPE)
    response.set_etag(document.etag)
    if document.sent is not None:
        response.last_modified = document.sent
    response.headers["Cache-Control"] = CAP_CACHE if current_caller() is None else NOT_FOR_ALL
    response.vary.add("Authorization")
    response.make_conditional(request)
    return response


def _feed(write: Writer, media_type: str) -> Response:
    given = load(ARGUMENTS, query_arguments(ARGUMENTS))
    current: CurrentAlertsByRegion = current_app.extensions[CURRENT]
    snapshot = current.get(given.get("region_id") or (), exact=given["exact"])
    base, query = own_address(), _query(given)
    # Weak: replicas see a change at different moments, so the times in their documents differ.
    tag = hashlib.sha256(f"{snapshot.digest} {base}{query} {media_type}".encode()).hexdigest()[:32]
    response = Response(content_type=f"{media_type}; charset=utf-8")
    response.set_etag(tag, weak=True)
    response.last_modified = snapshot.changed_at
    response.headers["Cache-Control"] = FEED_CACHE
    response.make_conditional(request)
    if response.status_code == HTTPStatus.OK:
        response.set_data(snapshot.document(write, base, query))
    return response


def _query(given: Mapping[str, Any]) -> str:
    """Return what follows the path in the address of the feed, always in the same order."""
    if not given.get("region_id"):
        return ""
    regions = [("region_id", str(region_id)) for region_id in sorted(given["region_id"])]
    return f"?{urlencode([*regions, *([('exact', 'true')] if given['exact'] else [])])}"
