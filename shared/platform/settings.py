"""The one place that reads the environment: everything a process is told, typed and frozen."""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from shared.client.amqp.address import BrokerAddressError, read_address
from shared.client.local import DEFAULT_HOME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
D = TypeVar("D", str, None)

MIB = 1024 * 1024
MEMORY_BROKER = "memory://"
DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")

MAX_PORT = 65_535
MAX_NUMBER = 2**31 - 1
MAX_SECONDS = 86_400.0
"""A day: no wait of ours is longer, and clocks of threads overflow at some length."""

MAX_SIZE = 2**60
MAX_LIFETIME = 10 * 365 * 86_400
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

READ: Final = "read"
"""In the metadata of a field: what reads it from the environment."""

_BROKER_PASSWORD = re.compile(r"IMPACTX_(.+)_BROKER_PASSWORD(?:_FILE)?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_HOST_NAME = re.compile(r"[a-z0-9.\-]+|\[[0-9a-f:.]+\]")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{1,62}")
_ADDRESS = re.compile(_ORIGIN.pattern + r"(/[A-Za-z0-9._~\-/]*)?")


class SettingError(Exception):
    """A setting is missing or malformed; the message names its variable."""


class _Reader:
    """Reads one variable after another; each method is given the default for a variable that is not set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def integer(self, name: str, default: int, *, min_value: int, max_value: int = MAX_NUMBER) -> int:
        text = self._environment.get(name, "").strip()
        if not text:
            return default
        # As `int` reads it, but without what nobody means: 1_000, digits of other scripts, four thousand digits.
        if not _WHOLE_NUMBER.fullmatch(text):
            raise SettingError(f"{name} must be a whole number, not {text[:50]!r}.")
        value = int(text)
        if value < min_value:
            raise SettingError(f"{name} must be at least {min_value}, not {value}.")
        if value > max_value:
            raise SettingError(f"{name} must be at most {max_value}, not {value}.")
        return value

    def size(self, name: str, default: int) -> int:
        """Bytes; 0 stands for none or for no limit."""
        return self.integer(name, default, min_value=0, max_value=MAX_SIZE)

    def seconds(self, name: str, default: float) -> float:
        text = self._environment.get(name, "").strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            raise SettingError(f"{name} must be a number of seconds, not {text[:50]!r}.") from None
        if not 0 < value <= MAX_SECONDS:
            raise SettingError(
                f"{name} must be over 0 and at most {MAX_SECONDS:g} seconds, not {text[:50]!r}."
            )
        return value

    def optional(self, name: str, default: int | None, *, none: str = "", **limits: int) -> int | None:
        """Return a whole number, or None where the variable says the word ``none``."""
        text = self.text(name, "").strip()
        if not text:
            return default
        return None if text == none else self.integer(name, 0, **limits)

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, default)

    def path(self, name: str, default: Path) -> Path:
        return Path(self._environment.get(name, default))

    def choice(self, name: str, default: str, *, choices: tuple[str, ...]) -> str:
        text = self._environment.get(name, default).strip().upper()
        if text and text not in choices:
            raise SettingError(f"{name} must be one of {', '.join(choices)}, not {text[:50]!r}.")
        return text

    def time_of_day(self, name: str, default: dt.time) -> dt.time:
        text = self._environment.get(name, "").strip()
        if not text:
            return default
        if not _TIME_OF_DAY.fullmatch(text):
            raise SettingError(f"{name} must be a time of day such as 02:00, not {text[:50]!r}.")
        return dt.time.fromisoformat(text)

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - every reader is given its default so
        text = self._environment.get(name, "").lower() or str(default).lower()
        if text not in ("0", "1", "false", "true"):
            raise SettingError(f"{name} must be true or false, not {text!r}.")
        return text in ("1", "true")

    def origins(self, name: str, _default: tuple[str, ...]) -> tuple[str, ...]:
        """Origins as browsers write them, with commas between; ``*`` alone is every one."""
        found = tuple(part.strip() for part in self._environment.get(name, "").split(",") if part.strip())
        if found != ("*",) and not all(
            _ORIGIN.fullmatch(origin) and _is_web_address(origin) for origin in found
        ):
            raise SettingError(f"{name} must be like https://app.example,https://other.example, or * alone.")
        return found

    def words(self, name: str, _default: tuple[str, ...]) -> tuple[str, ...]:
        """Words in lower case, with commas between."""
        parts = (part.strip().lower() for part in self._environment.get(name, "").split(","))
        return tuple(part for part in parts if part)

    def hosts(self, name: str, _default: tuple[str, ...]) -> tuple[str, ...]:
        """Names of hosts without ports, with commas between, in lower case."""
        parts = (part.strip().lower() for part in self._environment.get(name, "").split(","))
        found = tuple(part for part in parts if part)
        for host in found:
            if not _HOST_NAME.fullmatch(host):
                raise SettingError(
                    f"{name} must be like impactx.example,10.0.0.5, without ports; not {host!r}."
                )
        return found

    def address(self, name: str, _default: str) -> str:
        """Where something is, without a path that ends in a slash; empty where it is not said."""
        found = self._environment.get(name, "").rstrip("/")
        if found and not (_ADDRESS.fullmatch(found) and _is_web_address(found)):
            raise SettingError(f"{name} must be like https://impactx.example, not {found!r}.")
        return found

    def secret(self, name: str, default: D) -> str | D:
        """A secret as such, or from the file that ``<name>_FILE`` names, as containers pass them."""
        path = self._environment.get(f"{name}_FILE", "")
        if not path:
            return self._environment.get(name, "") or default
        try:
            return Path(path).read_text(encoding="utf-8").strip() or default
        except OSError as error:
            raise SettingError(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from error
        except ValueError:
            raise SettingError(f"{name}_FILE names a file that is not text in UTF-8.") from None

    def broker_passwords(self) -> dict[str, str]:
        """Those that are given, by the name of the user in capitals: other systems have users as well."""
        found = [_BROKER_PASSWORD.fullmatch(name) for name in self._environment]
        users = {match[1] for match in found if match}
        return {user: self.secret(f"IMPACTX_{user}_BROKER_PASSWORD", "") for user in sorted(users)}

    def broker(self, name: str, default: str) -> str:
        """The URI of the broker, whose options and files can work."""
        text = self.secret(name, "")
        if text:
            try:
                read_address(text)
            except BrokerAddressError as error:
                raise SettingError(f"{name} {error}") from error
        return text or default

    def database(self, name: str, _default: str = "") -> str:
        """The URL of a database, whose options and files can work."""
        text = self._url(name, DATABASE_SCHEMES)
        if text:
            # Imported here: a gateway has no database, and libpq takes its time.
            addresses = import_module("shared.platform.db.address")
            try:
                addresses.check_database_url(text)
            except addresses.DatabaseAddressError as error:
                raise SettingError(f"{name} {error}") from error
        return text

    def web_url(self, name: str, _default: str) -> str:
        """An address of HTTP with a password in it."""
        text = self._url(name, ("http", "https"))
        if text and (not _is_web_address(text) or "?" in text or "#" in text):
            raise SettingError(
                f"{name} must be like http://administrator:password@host:15672, with %3F, %23 and %40 for ?, # and @ in"
                " the password."
            )
        return text

    def file_address(self, name: str, _default: str) -> str:
        """Return a path, or an address; that of S3 has to name a bucket."""
        text = self._environment.get(name, "").strip()
        scheme, separator, rest = text.partition("://")
        if separator and (not scheme.isascii() or not rest.strip("/")):
            raise SettingError(f"{name} must be a path or like s3://bucket/files, not {text!r}.")
        if scheme == "s3" and separator and not _BUCKET.fullmatch(rest.partition("/")[0]):
            raise SettingError(f"{name} must name a bucket, like s3://bucket/files, not {text!r}.")
        return text

    def _url(self, name: str, schemes: tuple[str, ...]) -> str:
        """A secret that has to be a URL; it is not repeated where it is none, for it holds a password."""
        text = self.secret(name, "")
        if text and not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise SettingError(f"{name} must be a URL that begins with {schemes[0]}://.")
        return text


def _setting(
    variable: str, default: Any, read: Callable[..., T], *, secret: bool = False, **limits: object
) -> T:
    """Declare a setting with its variable, its default and how it is read."""
    made: T = field(
        default=default,
        repr=not secret,
        metadata={READ: lambda reader: read(reader, variable, default, **limits)},
    )
    return made


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is told, from environment variables: the one of an attribute stands beside it below.

    Attributes:
        database_urls: For each service its own URL (``IMPACTX_<SERVICE>_DATABASE_URL``, else ``DATABASE_URL``).
        administration_url: Where migrations and the bootstrap connect.
        amqp_uri: The broker; `MEMORY_BROKER` is the one inside this process.
        max_workers: How many calls one service works on at the same time.
        pool_size: How many database connections one service holds at most.
        prepare_threshold: After how many runs a statement is prepared on the server; None, said as ``off``, for
            a PgBouncer that does not track prepared statements.
        rpc_timeout: Seconds that a caller waits for one attempt of a call.
        rpc_budget: Seconds that it waits for all attempts together (``IMPACTX_RPC_BUDGET``), by default three times as
            long; this is also how long the gateway works on a call for a request.
        rpc_quorum: Whether RPC request queues are quorum queues.
        stop_grace: Seconds that a stopping process gives its work in hand.
        relay_poll: Seconds between two looks at the outbox when nothing wakes the relay.
        jwt_private_key: PEM of the Ed25519 key that signs tokens, for identity alone.
        jwt_previous_public_keys: PEMs of keys whose tokens are still honoured.
        access_token_lifetime: Seconds.
        refresh_token_lifetime: Seconds.
        bcrypt_cost: Rounds as a power of two.
        admin_email: The first administrator.
        admin_password: Their password; None where one shall be generated.
        token: An access token for the command line to call with.
        database_passwords: For the bootstrap, the password of each service's role
            (``IMPACTX_<SERVICE>_DATABASE_PASSWORD``); None leaves the present one.
        broker_passwords: For ``broker-users``, the password of each user of RabbitMQ, by its name in capitals
            (``IMPACTX_<USER>_BROKER_PASSWORD``).
        rabbitmq_api: RabbitMQ's management API with an administrator, for ``broker-users``.
        alert_approval_priorities: The priorities of alerts that nobody issues without another person's approval.
        alert_sender: How alerts name their sender in CAP: something of the organisation's own, such as an address in
            its domain, without blanks, commas, < and &.
        home: Where an embedded system keeps everything.
        backups: The directory of the backups of an embedded system; without one, none are made.
        backup_full_at: The time of day of full backups, in UTC.
        backup_incremental_hours: How old the newest backup may become before an incremental one is made.
        backup_keep_days: For how many days every moment can be restored.
        backup_timeout: Seconds that one step of a backup or a restoration may take.
        http_host: The address that the gateway listens at.
        http_port: The port there; 0 takes a free one.
        http_connections: How many connections one gateway keeps at most.
        http_client_connections: How many of them one client may have, by its network address; 0 sets no limit, and
            behind proxies of ours there is none.
        http_patience: Seconds of waiting for a body to arrive, or for a response to be read, from which
            `http_min_rate` counts.
        http_min_rate: Bytes a second that must have passed on average from then on.
        http_hosts: The names under which the gateway may be called where it puts its own address into what it says,
            when `http_public_url` is not set, with commas; `http_host` and the names of this machine's loopback always
            are.
        http_proxies: How many reverse proxies of ours stand before the gateway, so that the client's address is
            taken from that place of ``X-Forwarded-For``.
        http_rate: How many requests a second one client may send for long; 0 sets no limit.
        http_burst: How many it may send at once before that counts.
        http_body_seconds: How long the whole body of a request may take to arrive; files have a limit of their own.
        http_streams: How many live streams one account may listen to at the same time.
        http_heartbeat: Seconds after which a stream without events shows that it is alive, for proxies that close
            what is idle, and for pages that tell people when their connection has stalled.
        http_cors_origins: The origins whose pages may call the gateway, or ``*`` alone; none by default, with commas.
        http_public_url: Where the public finds the gateway, such as ``https://impactx.example``, for the addresses in
            feeds; the host of the request by default, where it is one of `http_hosts`.
        health_host: The address at which a process answers probes and shows metrics.
        health_port: The port there; 0 takes a free one, and without one nothing listens.
        traces_endpoint: The base address of an OTLP/HTTP receiver that traces are sent to; by default that of
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, if any.
        attachments: Where attached files are kept, as a path, ``file:///path`` or ``s3://bucket/files``;
            ``attachments`` below `home` by default.
        attachment_limit: Bytes of the largest file that may be attached.
        attachment_quota_reporter: Bytes of files that an account that may only change its own reports may attach within
            24 hours; 0 sets no limit, here and for the next ones.
        attachment_quota_staff: The same for any other account.
        attachment_quota_report: Bytes of the files of one report.
        attachment_quota_total: Bytes of the files of all reports together.
        attachment_free_space: Bytes that have to stay free on the disk of `attachments`, where it is a local one.
        keep_photo_metadata: Whether photos and videos are kept with what they say of where, when and with what they
            were made; taken out by default.
        phone_region: The country of telephone numbers without a country code in imported files, as two letters.
        tile_url: Where the situation page gets the tiles of its map, with ``{z}``, ``{x}`` and ``{y}`` in it; without
            one, the map shows the outlines of the regions alone.
        tile_attribution: What the owner of the tiles wants to be said on the map, as text.
        log_level: How much is logged; INFO for what serves and WARNING for other commands by default.

    Each secret may be given as the file that ``<VARIABLE>_FILE`` names instead.
    """

    database_urls: Mapping[str, str] = field(repr=False)
    administration_url: str = _setting("DATABASE_URL", "", _Reader.database, secret=True)
    amqp_uri: str = _setting("AMQP_URI", MEMORY_BROKER, _Reader.broker, secret=True)
    max_workers: int = _setting("IMPACTX_MAX_WORKERS", 20, _Reader.integer, min_value=1, max_value=10_000)
    pool_size: int = _setting(
        "IMPACTX_DATABASE_POOL_SIZE", 20, _Reader.integer, min_value=2, max_value=10_000
    )
    prepare_threshold: int | None = _setting(
        "IMPACTX_DATABASE_PREPARE_THRESHOLD", 5, _Reader.optional, none="off", min_value=0
    )
    rpc_timeout: float = _setting("IMPACTX_RPC_TIMEOUT", 10.0, _Reader.seconds)
    rpc_budget: float = 30.0
    rpc_quorum: bool = _setting("IMPACTX_RPC_QUORUM", default=False, read=_Reader.flag)
    stop_grace: float = _setting("IMPACTX_STOP_GRACE", 20.0, _Reader.seconds)
    relay_poll: float = _setting("IMPACTX_RELAY_POLL", 0.25, _Reader.seconds)
    jwt_private_key: str = _setting("IMPACTX_JWT_PRIVATE_KEY", "", _Reader.secret, secret=True)
    jwt_previous_public_keys: str = _setting("IMPACTX_JWT_PREVIOUS_PUBLIC_KEYS", "", _Reader.text)
    access_token_lifetime: int = _setting(
        "IMPACTX_ACCESS_TOKEN_LIFETIME", 900, _Reader.integer, min_value=1, max_value=MAX_LIFETIME
    )
    refresh_token_lifetime: int = _setting(
        "IMPACTX_REFRESH_TOKEN_LIFETIME", 30 * 86400, _Reader.integer, min_value=1, max_value=MAX_LIFETIME
    )
    bcrypt_cost: int = _setting("IMPACTX_BCRYPT_COST", 12, _Reader.integer, min_value=4, max_value=20)
    admin_email: str = _setting("IMPACTX_ADMIN_EMAIL", "admin@impactx.example", _Reader.text)
    admin_password: str | None = _setting("IMPACTX_ADMIN_PASSWORD", None, _Reader.secret, secret=True)
    token: str = _setting("IMPACTX_TOKEN", "", _Reader.secret, secret=True)
    database_passwords: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    broker_passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    rabbitmq_api: str = _setting("IMPACTX_RABBITMQ_API", "", _Reader.web_url, secret=True)
    alert_approval_priorities: tuple[str, ...] = _setting(
        "IMPACTX_ALERT_APPROVAL_PRIORITIES", (), _Reader.words
    )
    alert_sender: str = _setting("IMPACTX_ALERT_SENDER", "alerts@impactx.example", _Reader.text)
    home: Path = _setting("IMPACTX_HOME", Path(DEFAULT_HOME), _Reader.path)  # noqa: RUF009 - a path never changes
    backups: str = _setting("IMPACTX_BACKUPS", "", _Reader.text)
    backup_full_at: dt.time = _setting(  # noqa: RUF009 - a time never changes
        "IMPACTX_BACKUP_FULL_AT", dt.time(2), _Reader.time_of_day
    )
    backup_incremental_hours: int = _setting(
        "IMPACTX_BACKUP_INCREMENTAL_HOURS", 4, _Reader.integer, min_value=1, max_value=24
    )
    backup_keep_days: int = _setting(
        "IMPACTX_BACKUP_KEEP_DAYS", 30, _Reader.integer, min_value=1, max_value=3650
    )
    backup_timeout: float = _setting("IMPACTX_BACKUP_TIMEOUT", 3600.0, _Reader.seconds)
    http_host: str = _setting("IMPACTX_HTTP_HOST", "127.0.0.1", _Reader.text)
    http_port: int = _setting("IMPACTX_HTTP_PORT", 8000, _Reader.integer, min_value=0, max_value=MAX_PORT)
    http_connections: int = _setting("IMPACTX_HTTP_CONNECTIONS", 4096, _Reader.integer, min_value=1)
    http_client_connections: int = _setting(
        "IMPACTX_HTTP_CLIENT_CONNECTIONS", 1024, _Reader.integer, min_value=0
    )
    http_patience: float = _setting("IMPACTX_HTTP_PATIENCE", 30.0, _Reader.seconds)
    http_min_rate: int = _setting("IMPACTX_HTTP_MIN_RATE", 1024, _Reader.integer, min_value=1)
    http_hosts: tuple[str, ...] = _setting("IMPACTX_HTTP_HOSTS", (), _Reader.hosts)
    http_proxies: int = _setting("IMPACTX_HTTP_PROXIES", 0, _Reader.integer, min_value=0)
    http_rate: int = _setting("IMPACTX_HTTP_RATE", 200, _Reader.integer, min_value=0)
    http_burst: int = _setting("IMPACTX_HTTP_BURST", 2000, _Reader.integer, min_value=1)
    http_body_seconds: float = _setting("IMPACTX_HTTP_BODY_SECONDS", 30.0, _Reader.seconds)
    http_streams: int = _setting("IMPACTX_HTTP_STREAMS", 100, _Reader.integer, min_value=1)
    http_heartbeat: float = _setting("IMPACTX_HTTP_HEARTBEAT", 5.0, _Reader.seconds)
    http_cors_origins: tuple[str, ...] = _setting("IMPACTX_HTTP_CORS_ORIGINS", (), _Reader.origins)
    http_public_url: str = _setting("IMPACTX_HTTP_PUBLIC_URL", "", _Reader.address)
    health_host: str = _setting("IMPACTX_HEALTH_HOST", "127.0.0.1", _Reader.text)
    health_port: int | None = _setting(
        "IMPACTX_HEALTH_PORT", None, _Reader.optional, min_value=0, max_value=MAX_PORT
    )
    traces_endpoint: str = _setting("IMPACTX_TRACES_ENDPOINT", "", _Reader.address)
    attachments: str = _setting("IMPACTX_ATTACHMENTS", "", _Reader.file_address)
    attachment_limit: int = _setting(
        "IMPACTX_ATTACHMENT_LIMIT", 100 * MIB, _Reader.integer, min_value=1, max_value=2**40
    )
    attachment_quota_reporter: int = _setting("IMPACTX_ATTACHMENT_QUOTA_REPORTER", 64 * MIB, _Reader.size)
    attachment_quota_staff: int = _setting("IMPACTX_ATTACHMENT_QUOTA_STAFF", 5 * 1024 * MIB, _Reader.size)
    attachment_quota_report: int = _setting("IMPACTX_ATTACHMENT_QUOTA_REPORT", 1024 * MIB, _Reader.size)
    attachment_quota_total: int = _setting("IMPACTX_ATTACHMENT_QUOTA_TOTAL", 0, _Reader.size)
    attachment_free_space: int = _setting("IMPACTX_ATTACHMENT_FREE_SPACE", 512 * MIB, _Reader.size)
    keep_photo_metadata: bool = _setting("IMPACTX_KEEP_PHOTO_METADATA", default=False, read=_Reader.flag)
    phone_region: str = _setting("IMPACTX_PHONE_REGION", "", _Reader.text)
    tile_url: str = _setting("IMPACTX_TILE_URL", "", _Reader.text)
    tile_attribution: str = _setting("IMPACTX_TILE_ATTRIBUTION", "", _Reader.text)
    log_level: str = _setting("IMPACTX_LOG_LEVEL", "", _Reader.choice, choices=LOG_LEVELS)

    def database_url(self, service: str) -> str:
        """Where this service's schema is.

        Raises:
            SettingError: Neither of its variables is set.
        """
        url = self.database_urls.get(service) or self.administration_url
        if not url:
            raise SettingError(f"Set IMPACTX_{service.upper()}_DATABASE_URL or DATABASE_URL.")
        return url

    def broker_password(self, user: str) -> str:
        """The password that a user of RabbitMQ is to have.

        Raises:
            SettingError: Its variable is not set.
        """
        name = user.upper().replace("-", "_")
        if not self.broker_passwords.get(name):
            raise SettingError(
                f"Set IMPACTX_{name}_BROKER_PASSWORD, the password of the user {user} of RabbitMQ."
            )
        return self.broker_passwords[name]


def from_environment(services: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Args:
        services: The services whose database URLs to look for.
        environment: Where to read, the process's own by default.

    Raises:
        SettingError: A value cannot be read as what it should be; the message names the variable.
    """
    reader = _Reader(environment)
    found: dict[str, Any] = {
        one.name: one.metadata[READ](reader) for one in fields(Settings) if READ in one.metadata
    }
    found["rpc_budget"] = reader.seconds("IMPACTX_RPC_BUDGET", 3 * found["rpc_timeout"])
    found["traces_endpoint"] = found["traces_endpoint"] or reader.address("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    return Settings(
        database_urls={
            service: url
            for service in services
            if (url := reader.database(f"IMPACTX_{service.upper()}_DATABASE_URL"))
        },
        database_passwords={
            service: reader.secret(f"IMPACTX_{service.upper()}_DATABASE_PASSWORD", None)
            for service in services
        },
        broker_passwords=reader.broker_passwords(),
        **found,
    )


def _is_web_address(text: str) -> bool:
    """Return whether it has a host, and a port that there can be if any."""
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
