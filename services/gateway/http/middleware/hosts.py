"""The gateway's own address, for what others keep and pass on: never one that a client has made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import request

from services.gateway.http.context import gateway
from services.gateway.http.errors import MisdirectedRequest

if TYPE_CHECKING:
    from shared.platform.settings import Settings

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - these are no names


def own_address() -> str:
    """Returns the address that documents say of the gateway, without a slash at its end.

    It is `Settings.http_public_url`, else that of the request, whose Host must be a name that the settings know: a
    document under ``Cache-Control: public`` would give everybody the name that one client has sent.

    Raises:
        MisdirectedRequest: Host is no name that the settings know.
    """
    settings = gateway().settings
    if settings.http_public_url:
        return settings.http_public_url
    name = urlsplit(f"//{request.host}").hostname or ""
    if name not in _names(settings):
        raise MisdirectedRequest(
            "This server does not know itself by the name in Host; an operator sets IMPACTX_HTTP_PUBLIC_URL, or"
            " IMPACTX_HTTP_HOSTS to the names that may be used."
        )
    return request.host_url.rstrip("/")


def _names(settings: Settings) -> frozenset[str]:
    configured = {host.strip("[]") for host in (*settings.http_hosts, settings.http_host.lower())}
    return LOOPBACK | (configured - EVERYWHERE)
