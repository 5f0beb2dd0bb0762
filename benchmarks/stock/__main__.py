"""Serves the stock service: ``python -m benchmarks.stock AMQP_URI DATABASE_URL WORKERS``."""

import os
import sys
import uuid
from typing import Any

import eventlet

# Without them a service on nameko and psycopg would do one thing at a time; it gets that much help.
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
eventlet.monkey_patch()

from nameko.events import EventDispatcher, event_handler
from nameko.rpc import rpc
from nameko.runners import ServiceRunner
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.stock.models import Report, StatusHistory, result_of

_, amqp_uri, database_url, workers = sys.argv
engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=20)


class StockService:
    """Echo, create, change of status, and the history written from its own events."""

    name = "stock"

    dispatch = EventDispatcher()

    @rpc
    def echo(self, x: str) -> dict[str, str]:
        """Sends back what came."""
        return {"x": x}

    @rpc
    def create_report(self, user_id: str, **arguments: Any) -> dict[str, Any]:
        """Stores a report and tells of it."""
        with Session(engine) as session:
            report = Report(user_id=uuid.UUID(user_id), **arguments)
            session.add(report)
            session.commit()
            result = result_of(report)
        self.dispatch(
            "report_created", {"report_id": result["id"], "status": result["status"], "changed_by": user_id}
        )
        return result

    @rpc
    def change_report_status(self, report_id: str, status: str, user_id: str) -> dict[str, Any]:
        """Moves a report to another status and tells of it."""
        with Session(engine) as session:
            report = session.get_one(Report, uuid.UUID(report_id))
            report.status = status
            report.updated_by = uuid.UUID(user_id)
            session.commit()
            result = result_of(report)
        self.dispatch(
            "report_status_changed", {"report_id": report_id, "status": status, "changed_by": user_id}
        )
        return result

    @event_handler("stock", "report_created")
    def on_created(self, fact: dict[str, str]) -> None:
        """Writes the first row of a history."""
        self._record(fact)

    @event_handler("stock", "report_status_changed")
    def on_status_changed(self, fact: dict[str, str]) -> None:
        """Writes the next row of a history."""
        self._record(fact)

    def _record(self, fact: dict[str, str]) -> None:
        with Session(engine) as session:
            session.add(
                StatusHistory(
                    report_id=uuid.UUID(fact["report_id"]),
                    status=fact["status"],
                    changed_by=uuid.UUID(fact["changed_by"]),
                )
            )
            session.commit()


runner = ServiceRunner({"AMQP_URI": amqp_uri, "max_workers": int(workers)})
runner.add_service(StockService)
runner.start()
sys.stdout.write("serving stock\n")
sys.stdout.flush()
runner.wait()
