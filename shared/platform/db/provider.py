"""Gives a service its database."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import psycopg
from nameko.extensions import DependencyProvider, SharedExtension
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from shared.client.errors import Unavailable
from shared.platform.db.engine import Database
from shared.platform.db.errors import is_transient
from shared.platform.db.revisions import shortcoming
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import ExceptionContext

    from shared.platform.db.engine import CountingPool
    from shared.platform.observability.health import Check


class DatabasePool(SharedExtension):
    """One pool of connections a service and process, shared by everything in the container."""

    @cached_property
    def database(self) -> Database:
        """Made when it is first asked for: nameko sets extensions up in no particular order."""
        service = self.container.service_name
        settings = self.container.config["SETTINGS"]
        database = Database(
            settings.database_url(service),
            application_name=f"impactx {service}",
            pool_size=settings.pool_size,
            prepare_threshold=settings.prepare_threshold,
        )
        event.listen(database.engine, "handle_error", self._count_error)
        return database

    def readiness_checks(self) -> Mapping[str, Check]:
        """The database, and a schema that is new enough; see `shared.platform.observability.health.Dependent`."""
        return {f"{self.container.service_name}.database": self._ask}

    def setup(self) -> None:
        """Called by nameko."""
        self._display = metrics.Display()

    def start(self) -> None:
        """Called by nameko."""
        service = self.container.service_name
        pool = cast("CountingPool", self.database.engine.pool)
        self._display.show(metrics.pool_limit, pool.size, service)
        self._display.show(metrics.pool_connections, pool.checkedout, service, "in_use")
        self._display.show(metrics.pool_connections, pool.checkedin, service, "idle")
        self._display.show(metrics.pool_waiting, lambda: pool.waiting, service)

    def stop(self) -> None:
        """Called by nameko when no worker and no dependency runs any more."""
        self._display.clear()
        self.database.close()

    def _ask(self) -> None:
        try:
            with self.database.read() as connection:
                problem = shortcoming(connection, self.container.service_name)
        except SQLAlchemyError as error:
            if not is_transient(error):
                raise
            raise Unavailable("The database cannot be reached.") from error
        if problem:
            raise Unavailable(problem)

    def _count_error(self, context: ExceptionContext) -> None:
        error = context.original_exception
        state = error.sqlstate if isinstance(error, psycopg.Error) else None
        metrics.database_errors.labels(self.container.service_name, state[:2] if state else "none").inc()


class DatabaseProvider(DependencyProvider):
    """``db = DatabaseProvider()`` in a service class gives its methods a `Database`."""

    pool = DatabasePool()

    def get_dependency(self, worker_ctx: Any) -> Database:
        """Called by nameko for each worker."""
        return self.pool.database
