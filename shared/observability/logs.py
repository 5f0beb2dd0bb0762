"""Logs: one JSON object a line for machines, a plain line for a terminal."""

from __future__ import annotations

import datetime as dt
import logging
import sys

import orjson


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, and the traceback where there is one.

    Facts that a program will want to filter by are given as ``extra={"facts": {...}}`` and stand beside these.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Called by logging."""
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def configure(level: str) -> None:
    """Sends the log to standard error: JSON, or plain lines where that is a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        if sys.stderr.isatty()
        else JsonFormatter()
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("amqp", "nameko", "kombu", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
