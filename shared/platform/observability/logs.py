"""Logs: one JSON object a line for machines, a plain line for a terminal."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import sys
from typing import Any, Final

import orjson

from shared.platform.observability import context

CORRELATION_ID: Final = "correlation_id"

_SECRETS: Final = (
    # the password in an address
    (re.compile(r"(?P<before>[a-z][a-z0-9+.\-]*://[^\s:/@]*:)[^\s/]+(?=@)", re.IGNORECASE), r"\g<before>***"),
    # a JSON Web Token
    (re.compile(r"\beyJ[\w\-]+\.[\w\-]+\.[\w\-]*"), "***"),
    # what PostgreSQL shows of a row that it refuses
    (re.compile(r"(?P<before>Failing row contains )\(.*\)"), r"\g<before>(***)"),
)
"""The last line of defence: nothing of ours logs these, but an exception of somebody else's may say them."""


class ContextFilter(logging.Filter):
    """Adds what the work in hand is about to each record's facts."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Called by logging; lets every record pass."""
        about = context.facts()
        own: dict[str, Any] = getattr(record, "facts", {})
        record.facts = {**about, **own} if about else own
        return True


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, and the traceback where there is one.

    Facts that a program will want to filter by are given as ``extra={"facts": {...}}`` and stand beside these, and
    so do those of the work in hand (`shared.platform.observability.context`).
    """

    def format(self, record: logging.LogRecord) -> str:
        """Called by logging."""
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        try:
            return orjson.dumps(line, default=str).decode()
        except (
            TypeError
        ):  # half of a surrogate pair, a number beyond 64 bits: JSON has an escape or digits for it
            return json.dumps(line, default=str)


class PlainFormatter(logging.Formatter):
    """A record as a line for a person, with the correlation id of the work in hand."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Called by logging."""
        correlation_id = getattr(record, "facts", {}).get(CORRELATION_ID)
        return super().formatMessage(record) + (f" [{correlation_id}]" if correlation_id else "")

    def format(self, record: logging.LogRecord) -> str:
        """Called by logging."""
        return without_secrets(super().format(record))


def without_secrets(text: str) -> str:
    """The text without passwords in addresses, tokens, and rows that the database refused."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def configure(level: str) -> None:
    """Sends the log to standard error: JSON, or plain lines where that is a terminal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(ContextFilter())
    handler.setFormatter(PlainFormatter() if sys.stderr.isatty() else JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("amqp", "nameko", "kombu", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
