"""Serves the bare application: ``python -m benchmarks.bare DATABASE_URL``.

It runs on the server that the gateway runs on, and does neither check who calls nor what comes.
"""

import os
import socket
import sys
import uuid
from typing import Any

import eventlet

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
eventlet.monkey_patch()

import eventlet.wsgi
from flask import Flask, request
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.stock.models import Report, result_of

_, database_url = sys.argv
engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=20)
app = Flask("bare")


@app.post("/reports")
def create_report() -> tuple[dict[str, Any], int]:
    """Stores a report."""
    arguments = request.get_json()
    with Session(engine) as session:
        report = Report(**arguments | {"user_id": uuid.UUID(arguments["user_id"])})
        session.add(report)
        session.commit()
        return result_of(report), 201


@app.get("/reports/<uuid:report_id>")
def get_report(report_id: uuid.UUID) -> dict[str, Any]:
    """Reads a report."""
    with Session(engine) as session:
        return result_of(session.get_one(Report, report_id))


listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
sys.stdout.write(f"serving bare at http://127.0.0.1:{listening.getsockname()[1]}\n")
sys.stdout.flush()
eventlet.wsgi.server(listening, app, log_output=False)
