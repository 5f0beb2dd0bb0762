"""The alerts service as nameko runs it: every RPC method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.alerts import queries, schemas
from shared.contracts.permissions import ALERT_READ, ALERT_READ_DRAFT
from shared.db.provider import DatabaseProvider
from shared.messaging.relay import OutboxRelay
from shared.rpc.operation import operation

if TYPE_CHECKING:
    from shared.rpc.context import Caller


class AlertsService:
    """Offers the queries of alerts by RPC, and publishes the events that the database emits."""

    name = "alerts"

    db = DatabaseProvider()
    relay = OutboxRelay()

    @operation(
        permission=(ALERT_READ, ALERT_READ_DRAFT), arguments=schemas.ListAlerts, result=schemas.AlertPage
    )
    def list_alerts(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of alerts, the newest first."""
        with self.db.read() as connection:
            return queries.list_alerts(connection, caller, filters)
