"""The services by name, each loaded when it is asked for.

All of them together take a second to load, and most commands need none: only what is served is in memory.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from shared.platform.db.migration import Outcome
    from shared.platform.runtime import Runtime
    from shared.platform.settings import Settings

SERVICE_CLASSES: Final = {
    "identity": "services.identity.service:IdentityService",
    "reports": "services.reports.service:ReportsService",
    "resources": "services.resources.service:ResourcesService",
    "alerts": "services.alerts.service:AlertsService",
    "gateway": "services.gateway.service:GatewayService",
}
"""The class of each service, as ``module:name``."""

NAMES = tuple(SERVICE_CLASSES)
"""Everything that can be served; those of them that have a schema are `SERVICES`."""

SEEDS: Final = {
    "identity": "services.identity.seed:seed",
    "reports": "services.reports.catalogue:seed",
    "resources": "services.resources.catalogue:seed",
    "alerts": "services.alerts.alert_rules:seed",
}
"""The function that adds what a service cannot do without, as ``module:name``."""

HTTP_SERVER: Final = "services.gateway.http.server:HttpServer"
MIGRATE: Final = "shared.platform.db.migration:migrate"


def service_class(name: str) -> type[Any]:
    """Return the class of a service, which nameko runs."""
    found: type[Any] = _load(SERVICE_CLASSES[name])
    return found


def seed(name: str, connection: Connection, settings: Settings) -> None:
    """Add what a service cannot do without, where it is missing."""
    add = _load(SEEDS[name])
    if name == "identity":
        add(
            connection,
            admin_email=settings.admin_email,
            admin_password=settings.admin_password or "",
            bcrypt_cost=settings.bcrypt_cost,
        )
    else:
        add(connection)


def migrate(
    url: str,
    services: Sequence[str],
    revision: str,
    confirm: Callable[[Mapping[str, Sequence[str]]], None] | None = None,
) -> list[Outcome]:
    """Bring the schemas of services to a revision; see `shared.platform.db.migration.migrate`."""
    done: list[Outcome] = _load(MIGRATE)(url, services, revision, confirm=confirm)
    return done


def http_url(runtime: Runtime) -> str:
    """Return the URL at which the gateway of this process serves HTTP."""
    url: str = runtime.extension(service_class("gateway"), _load(HTTP_SERVER)).url
    return url


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
