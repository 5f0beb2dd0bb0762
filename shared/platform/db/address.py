"""Checks the URL of a database before anything connects: what libpq would refuse at each attempt is said once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote

import psycopg.conninfo
from psycopg import pq
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PORT: Final = 65_535
_FILES: Final = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
_SYSTEM: Final = "system"
"""The certificates of the system, in place of a file (libpq 16)."""

_CHOICES: Final = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "gssencmode": ("disable", "prefer", "require"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
_NUMBERS: Final = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)


class DatabaseAddressError(ValueError):
    """The URL cannot be used. The message says why, and never repeats the URL, which holds a password."""


def check_database_url(url: str) -> None:
    """Return when libpq and SQLAlchemy understand the URL and its options can work.

    Args:
        url: It begins with a scheme of PostgreSQL.

    Raises:
        DatabaseAddressError: It says what cannot work.
    """
    rest = url.partition("://")[2]
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name, _value in parse_qsl(rest.partition("?")[2], keep_blank_values=True):
        if name not in known:
            raise DatabaseAddressError(f"has an option {name!r} that PostgreSQL does not know.")
    try:
        make_url(f"postgresql+psycopg://{rest}")
        options = psycopg.conninfo.conninfo_to_dict(f"postgresql://{rest}")
    except (ArgumentError, ValueError, psycopg.Error):
        # Their messages may hold parts of the password.
        raise DatabaseAddressError(
            "is not like postgresql://user:password@host:5432/database; write % and what else has a meaning in a"
            " password as %25 and so on."
        ) from None
    _check_options({name: str(value) for name, value in options.items() if value is not None})


def _check_options(options: Mapping[str, str]) -> None:
    for port in options.get("port", "").split(","):
        if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= MAX_PORT):
            raise DatabaseAddressError(f"must have a port from 1 to {MAX_PORT}, not {port}.")
    for name, choices in _CHOICES.items():
        if options.get(name, choices[0]) not in choices:
            raise DatabaseAddressError(f"must have one of {', '.join(choices)} for {name}.")
    for name in _NUMBERS:
        if not options.get(name, "0").lstrip("-").isdigit():
            raise DatabaseAddressError(f"must have a whole number for {name}.")
    for name in _FILES:
        path = unquote(options.get(name, ""))
        if path and path != _SYSTEM and not Path(path).is_file():
            raise DatabaseAddressError(f"names a file in {name} that is not there: {path}.")
