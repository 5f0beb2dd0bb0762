"""Gives a service its database."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from nameko.extensions import DependencyProvider, SharedExtension

from shared.db.engine import Database


class DatabasePool(SharedExtension):
    """One pool of connections a service and process, shared by everything in the container."""

    @cached_property
    def database(self) -> Database:
        """Made when it is first asked for: nameko sets extensions up in no particular order."""
        service = self.container.service_name
        settings = self.container.config["SETTINGS"]
        return Database(
            settings.database_url(service),
            application_name=f"impactx {service}",
            pool_size=settings.pool_size,
            prepare_threshold=settings.prepare_threshold,
        )

    def stop(self) -> None:
        """Called by nameko when no worker and no dependency runs any more."""
        self.database.close()


class DatabaseProvider(DependencyProvider):
    """``db = DatabaseProvider()`` in a service class gives its methods a `Database`."""

    pool = DatabasePool()

    def get_dependency(self, worker_ctx: Any) -> Database:
        """Called by nameko for each worker."""
        return self.pool.database
