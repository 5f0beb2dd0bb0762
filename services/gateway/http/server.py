"""The HTTP server of the gateway inside its container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from nameko.extensions import DependencyProvider
from obstore.exceptions import BaseError

from services.gateway.files.storage import FileStore
from services.gateway.http import health
from services.gateway.http.app import create_app
from services.gateway.http.context import Gateway
from services.gateway.live.source import LiveEvents
from services.gateway.web.page import tile_source
from shared.platform.http.accepting import ensure_descriptors
from shared.platform.http.parser import Limits
from shared.platform.http.server import WebServer
from shared.platform.rpc.provider import RpcClients
from shared.platform.rpc.verification import Verification
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.platform.observability.health import Check
    from shared.platform.settings import Settings

DESCRIPTORS_BESIDE: Final = 512
"""File descriptors for everything else in the process: databases, broker, files, probes."""


class HttpServer(DependencyProvider):
    """Serves the application on ``settings.http_host`` and ``settings.http_port``."""

    clients = RpcClients()
    verification = Verification()
    live = LiveEvents()

    def bind(self, container: Any, attr_name: str) -> Self:
        """Open the port before anything starts. Called by nameko when the service is put together.

        Raises:
            SettingError: The address is not available, the process may not open that many connections, or the address
                of the map tiles is not valid.
        """
        bound: Self = super().bind(container, attr_name)
        settings = bound._settings = container.config["SETTINGS"]
        tile_source(settings.tile_url)  # refuses a wrong setting before anything starts
        ensure_descriptors(
            settings.http_connections + DESCRIPTORS_BESIDE,
            because=f"IMPACTX_HTTP_CONNECTIONS={settings.http_connections}",
        )
        bound._server = WebServer(
            settings.http_host,
            settings.http_port,
            variables="IMPACTX_HTTP",
            connections=settings.http_connections,
            # all clients of a proxy have its address
            per_client=0 if settings.http_proxies else settings.http_client_connections,
            limits=Limits(patience=settings.http_patience, rate=settings.http_min_rate),
        )
        bound._files = _file_store(settings)
        return bound

    @property
    def url(self) -> str:
        """The address of the server; with port 0, that of the free port."""
        url: str = self._server.url
        return url

    def readiness_checks(self) -> Mapping[str, Check]:
        """Return what requests need; see `shared.platform.observability.health.Dependent`."""
        return health.checks(self.clients.client, self._server.check)

    def start(self) -> None:
        """Serve requests. Called by nameko."""
        self._gateway = Gateway(
            self.clients.client,
            self.verification.verify,
            self._files,
            self._settings,
            self.live.broadcast,
            self._server.check,
            revocations=self.verification.revocations,
        )
        self.verification.revocations.watchers.append(self.live.broadcast.end_revoked)
        self._server.serve(create_app(self._gateway))

    def get_dependency(self, worker_ctx: Any) -> Gateway:
        """Return the parts of the application, for the timers of the service. Called by nameko."""
        return self._gateway

    def stop(self) -> None:
        """Accept no more, close idle connections, and finish the requests in hand. Called by nameko.

        Requests that are not finished within ``settings.stop_grace`` are cut off.
        """
        self._server.refuse()
        self.live.broadcast.end()
        self._server.finish(self._settings.stop_grace)

    def kill(self) -> None:
        """Close everything at once. Called by nameko when there is no time."""
        self._server.close()


def _file_store(settings: Settings) -> FileStore:
    try:
        root = settings.attachments or str(settings.home.absolute() / "attachments")
        return FileStore(root, free_space=settings.attachment_free_space)
    except (BaseError, ValueError) as error:
        raise SettingError(f"IMPACTX_ATTACHMENTS cannot be used: {error}.") from error
