"""Runs services in this process until it is told to stop, and stops them without losing anything."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from nameko.runners import ServiceRunner

from shared.client import supervision
from shared.platform.concurrency import Event, Timeout, spawn
from shared.platform.container import CONTAINER
from shared.platform.http.accepting import ensure_descriptors
from shared.platform.http.server import WebServer
from shared.platform.observability import probes, traces
from shared.platform.observability.health import Dependent, Readiness

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from shared.platform.observability.health import Check
    from shared.platform.settings import Settings

logger = logging.getLogger(__name__)

ExtensionKind = TypeVar("ExtensionKind")

WORKERS_BESIDE_RPC = 20
"""Places in the pool of workers for event handlers and timers, so that they never wait for RPC calls."""


TRACES_GRACE = 3.0
"""Seconds in which the last spans have to reach their collector."""

DESCRIPTORS = 256
"""Open files of a process beside its databases: modules, the broker, probes, the log, threads."""

WORK = "work"
"""In readiness: everything that works by itself, see `shared.client.supervision`."""

PROBE_CONNECTIONS = 64
PROBE_GRACE = 1.0
"""Seconds that an answer to a probe gets to finish when everything else has stopped."""


class StopDeadlineError(Exception):
    """The services did not stop in time."""


class StopsFirst:
    """Base of a service class that stands before the others and calls them.

    Such a service is stopped before the others, so that they can still answer its work in hand.
    """

    name: str


class Runtime:
    """Some services in this process.

    Args:
        services: nameko service classes.
        settings: For all of them.
    """

    def __init__(self, services: Sequence[type[Any]], settings: Settings) -> None:
        self._settings = settings
        ensure_descriptors(
            DESCRIPTORS + (settings.pool_size + settings.max_workers) * len(services),
            because=f"IMPACTX_DATABASE_POOL_SIZE={settings.pool_size}",
        )
        self._runner = ServiceRunner(
            {
                "AMQP_URI": settings.amqp_uri,
                "SETTINGS": settings,
                "max_workers": settings.max_workers + WORKERS_BESIDE_RPC,
                "SERVICE_CONTAINER_CLS": CONTAINER,
            }
        )
        self._services = services
        traces.configure(settings.traces_endpoint)
        self._health = _health_server(settings)
        for service in services:
            self._runner.add_service(service)
        self._readiness = Readiness({})
        self._readiness.withhold("It starts.")
        self._stop_asked = Event()

    @property
    def health_url(self) -> str:
        """Where probes are answered and metrics shown; empty where the settings name no port for that."""
        return self._health.url if self._health is not None else ""

    def start(self) -> None:
        """Starts the services; when it returns, they read their queues or wait for the broker to come."""
        if self._health is not None:
            self._health.serve(probes.application(self._readiness))
        self._runner.start()
        self._readiness.rest_on(_checks(self._runner) | {WORK: supervision.check})

    def extension(self, service: type[Any], kind: type[ExtensionKind]) -> ExtensionKind:
        """The extension of this kind in a service that runs here.

        Raises:
            LookupError: The service has none.
        """
        for extension in self._runner.service_map[service.name].extensions:
            if isinstance(extension, kind):
                return extension
        raise LookupError(f"{service.__name__} has no {kind.__name__}")

    def run_until_stopped(self) -> None:
        """Waits for SIGTERM or SIGINT, for a service to die or to stand still for too long, and stops.

        Raises:
            Exception: What a service died of, which ends the process with a status that is not zero.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        watcher = spawn(self._watch)
        supervision.on_hopeless(self._ask_to_stop)
        self._stop_asked.wait()
        self.stop()
        watcher.kill()

    def stop(self) -> None:
        """Finishes the work in hand within the grace and stops; what is left then is redelivered elsewhere."""
        self._readiness.withhold("It stops.")
        try:
            with Timeout(self._settings.stop_grace + 5, StopDeadlineError):
                for service in self._services:
                    if issubclass(service, StopsFirst):
                        self._runner.service_map[service.name].stop()
                self._runner.stop()
        except StopDeadlineError:
            logger.error("the services did not stop within their grace and are killed")  # noqa: TRY400
            self._runner.kill()
        traces.shut_down(TRACES_GRACE)
        if self._health is not None:
            self._health.finish(PROBE_GRACE)

    def _watch(self) -> None:
        try:
            self._runner.wait()
        except Exception as error:  # noqa: BLE001 - it is raised again where the process waits
            self._ask_to_stop(error)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        logger.info("%s: stopping", signal.Signals(number).name)
        # A second signal takes the default way out: somebody is in a hurry.
        signal.signal(number, signal.SIG_DFL)
        spawn(self._ask_to_stop, None)

    def _ask_to_stop(self, error: Exception | None) -> None:
        if self._stop_asked.ready():
            return
        if error is None:
            self._stop_asked.send(None)
        else:
            self._stop_asked.send_exception(error)


def _health_server(settings: Settings) -> WebServer | None:
    if settings.health_port is None:
        return None
    return WebServer(
        settings.health_host,
        settings.health_port,
        variables="IMPACTX_HEALTH",
        connections=PROBE_CONNECTIONS,
    )


def _checks(runner: Any) -> dict[str, Check]:
    """What the services that run here depend on."""
    checks: dict[str, Check] = {}
    for container in runner.service_map.values():
        for extension in container.extensions:
            if isinstance(extension, Dependent):
                checks |= extension.readiness_checks()
    return dict(sorted(checks.items()))
