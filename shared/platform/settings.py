"""The one place that reads the environment: everything a process is told, typed and frozen."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.client.amqp.address import BrokerAddressError, read_address
from shared.client.local import DEFAULT_HOME

if TYPE_CHECKING:
    from collections.abc import Mapping

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

_BROKER_PASSWORD = re.compile(r"IMPACTX_(.+)_BROKER_PASSWORD(?:_FILE)?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_HOST_NAME = re.compile(r"[a-z0-9.\-]+|\[[0-9a-f:.]+\]")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{1,62}")
_ADDRESS = re.compile(_ORIGIN.pattern + r"(/[A-Za-z0-9._~\-/]*)?")


class SettingError(Exception):
    """A setting is missing or malformed; the message names its variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is told, from the environment variables named beside each attribute.

    Attributes:
        database_urls: For each service its own URL (``IMPACTX_<SERVICE>_DATABASE_URL``, else ``DATABASE_URL``).
        administration_url: Where migrations and the bootstrap connect (``DATABASE_URL``).
        amqp_uri: The broker (``AMQP_URI``); `MEMORY_BROKER` is the one inside this process.
        max_workers: How many calls one service works on at the same time (``IMPACTX_MAX_WORKERS``).
        pool_size: How many database connections one service holds at most (``IMPACTX_DATABASE_POOL_SIZE``).
        prepare_threshold: After how many runs a statement is prepared on the server; None, said as ``off``, for
            a PgBouncer that does not track prepared statements (``IMPACTX_DATABASE_PREPARE_THRESHOLD``).
        rpc_timeout: Seconds that a caller waits for one attempt of a call (``IMPACTX_RPC_TIMEOUT``).
        rpc_budget: Seconds that it waits for all attempts together (``IMPACTX_RPC_BUDGET``), by default three times as
            long; this is also how long the gateway works on a call for a request.
        rpc_quorum: Whether RPC request queues are quorum queues (``IMPACTX_RPC_QUORUM``).
        stop_grace: Seconds that a stopping process gives its work in hand (``IMPACTX_STOP_GRACE``).
        relay_poll: Seconds between two looks at the outbox when nothing wakes the relay
            (``IMPACTX_RELAY_POLL``).
        jwt_private_key: PEM of the Ed25519 key that signs tokens, for identity alone
            (``IMPACTX_JWT_PRIVATE_KEY``, or the file that ``IMPACTX_JWT_PRIVATE_KEY_FILE`` names).
        jwt_previous_public_keys: PEMs of keys whose tokens are still honoured
            (``IMPACTX_JWT_PREVIOUS_PUBLIC_KEYS``).
        access_token_lifetime: Seconds (``IMPACTX_ACCESS_TOKEN_LIFETIME``).
        refresh_token_lifetime: Seconds (``IMPACTX_REFRESH_TOKEN_LIFETIME``).
        bcrypt_cost: Rounds as a power of two (``IMPACTX_BCRYPT_COST``).
        admin_email: The first administrator (``IMPACTX_ADMIN_EMAIL``).
        admin_password: Their password (``IMPACTX_ADMIN_PASSWORD``); None where one shall be generated.
        token: An access token for the command line to call with (``IMPACTX_TOKEN``).
        database_passwords: For the bootstrap, the password of each service's role
            (``IMPACTX_<SERVICE>_DATABASE_PASSWORD``); None leaves the present one.
        broker_passwords: For ``broker-users``, the password of each user of RabbitMQ, by its name in capitals
            (``IMPACTX_<USER>_BROKER_PASSWORD``).
        rabbitmq_api: RabbitMQ's management API with an administrator, for ``broker-users`` (``IMPACTX_RABBITMQ_API``).
        alert_sender: How alerts name their sender in CAP (``IMPACTX_ALERT_SENDER``): something of one's own, such as
            an address in one's domain, without blanks, commas, < and &.
        home: Where an embedded system keeps everything (``IMPACTX_HOME``).
        http_host: The address that the gateway listens at (``IMPACTX_HTTP_HOST``).
        http_port: The port there; 0 takes a free one (``IMPACTX_HTTP_PORT``).
        http_connections: How many connections one gateway keeps at most (``IMPACTX_HTTP_CONNECTIONS``).
        http_client_connections: How many of them one client may have, by its network address; 0 sets no limit, and
            behind proxies of ours there is none (``IMPACTX_HTTP_CLIENT_CONNECTIONS``).
        http_patience: Seconds of waiting for a body to arrive, or for a response to be read, from which
            `http_min_rate` counts (``IMPACTX_HTTP_PATIENCE``).
        http_min_rate: Bytes a second that must have passed on average from then on (``IMPACTX_HTTP_MIN_RATE``).
        http_hosts: The names under which the gateway may be called where it puts its own address into what it says,
            when `http_public_url` is not set (``IMPACTX_HTTP_HOSTS``, with commas); `http_host` and the names of
            this machine's loopback always are.
        http_proxies: How many reverse proxies of ours stand before the gateway, so that the client's address is
            taken from that place of ``X-Forwarded-For`` (``IMPACTX_HTTP_PROXIES``).
        http_rate: How many requests a second one client may send for long; 0 sets no limit (``IMPACTX_HTTP_RATE``).
        http_burst: How many it may send at once before that counts (``IMPACTX_HTTP_BURST``).
        http_body_seconds: How long the whole body of a request may take to arrive; files have a limit of their own
            (``IMPACTX_HTTP_BODY_SECONDS``).
        http_streams: How many live streams one account may listen to at the same time (``IMPACTX_HTTP_STREAMS``).
        http_heartbeat: Seconds after which a stream without events shows that it is alive, for proxies that close
            what is idle (``IMPACTX_HTTP_HEARTBEAT``).
        http_cors_origins: The origins whose pages may call the gateway, or ``*`` alone; none by default
            (``IMPACTX_HTTP_CORS_ORIGINS``, with commas).
        http_public_url: Where the public finds the gateway, such as ``https://impactx.example``, for the addresses in
            feeds; the host of the request by default, where it is one of `http_hosts` (``IMPACTX_HTTP_PUBLIC_URL``).
        health_host: The address at which a process answers probes and shows metrics (``IMPACTX_HEALTH_HOST``).
        health_port: The port there; 0 takes a free one, and without one nothing listens (``IMPACTX_HEALTH_PORT``).
        traces_endpoint: The base address of an OTLP/HTTP receiver that traces are sent to; none by default
            (``IMPACTX_TRACES_ENDPOINT``, else ``OTEL_EXPORTER_OTLP_ENDPOINT``).
        attachments: Where attached files are kept, as a path, ``file:///path`` or ``s3://bucket/files``;
            ``attachments`` below `home` by default (``IMPACTX_ATTACHMENTS``).
        attachment_limit: Bytes of the largest file that may be attached (``IMPACTX_ATTACHMENT_LIMIT``).
        attachment_quota_reporter: Bytes of files that an account that may only change its own reports may attach within
            24 hours; 0 sets no limit, here and for the next ones (``IMPACTX_ATTACHMENT_QUOTA_REPORTER``).
        attachment_quota_staff: The same for any other account (``IMPACTX_ATTACHMENT_QUOTA_STAFF``).
        attachment_quota_report: Bytes of the files of one report (``IMPACTX_ATTACHMENT_QUOTA_REPORT``).
        attachment_quota_total: Bytes of the files of all reports together (``IMPACTX_ATTACHMENT_QUOTA_TOTAL``).
        attachment_free_space: Bytes that have to stay free on the disk of `attachments`, where it is a local one
            (``IMPACTX_ATTACHMENT_FREE_SPACE``).
        keep_photo_metadata: Whether photos and videos are kept with what they say of where, when and with what they
            were made; taken out by default (``IMPACTX_KEEP_PHOTO_METADATA``).
        phone_region: The country of telephone numbers without a country code in imported files, as two letters
            (``IMPACTX_PHONE_REGION``).
        tile_url: Where the situation page gets the tiles of its map, with ``{z}``, ``{x}`` and ``{y}`` in it; without
            one, the map shows the outlines of the regions alone (``IMPACTX_TILE_URL``).
        tile_attribution: What the owner of the tiles wants to be said on the map, as text
            (``IMPACTX_TILE_ATTRIBUTION``).
        log_level: ``IMPACTX_LOG_LEVEL``; INFO for what serves and WARNING for other commands by default.

    Each secret may be given as the file that ``<VARIABLE>_FILE`` names instead.
    """

    database_urls: Mapping[str, str] = field(repr=False)
    administration_url: str = field(repr=False)
    amqp_uri: str = field(default=MEMORY_BROKER, repr=False)
    max_workers: int = 20
    pool_size: int = 20
    prepare_threshold: int | None = 5
    rpc_timeout: float = 10.0
    rpc_budget: float = 30.0
    rpc_quorum: bool = False
    stop_grace: float = 20.0
    relay_poll: float = 0.25
    jwt_private_key: str = field(default="", repr=False)
    jwt_previous_public_keys: str = ""
    access_token_lifetime: int = 900
    refresh_token_lifetime: int = 30 * 86400
    bcrypt_cost: int = 12
    admin_email: str = "admin@impactx.example"
    admin_password: str | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    database_passwords: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    broker_passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    rabbitmq_api: str = field(default="", repr=False)
    alert_sender: str = "alerts@impactx.example"
    home: Path = Path(DEFAULT_HOME)
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    http_connections: int = 4096
    http_client_connections: int = 1024
    http_patience: float = 30.0
    http_min_rate: int = 1024
    http_hosts: tuple[str, ...] = ()
    http_proxies: int = 0
    http_rate: int = 200
    http_burst: int = 2000
    http_body_seconds: float = 30.0
    http_streams: int = 100
    http_heartbeat: float = 15.0
    http_cors_origins: tuple[str, ...] = ()
    http_public_url: str = ""
    health_host: str = "127.0.0.1"
    health_port: int | None = None
    traces_endpoint: str = ""
    attachments: str = ""
    attachment_limit: int = 100 * 1024 * 1024
    attachment_quota_reporter: int = 64 * MIB
    attachment_quota_staff: int = 5 * 1024 * MIB
    attachment_quota_report: int = 1024 * MIB
    attachment_quota_total: int = 0
    attachment_free_space: int = 512 * MIB
    keep_photo_metadata: bool = False
    phone_region: str = ""
    tile_url: str = ""
    tile_attribution: str = ""
    log_level: str = ""

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
    """Reads the settings.

    Args:
        services: The services whose database URLs to look for.
        environment: Where to read, the process's own by default.

    Raises:
        SettingError: A value cannot be read as what it should be; the message names the variable.
    """
    read = _Reader(environment)
    threshold = environment.get("IMPACTX_DATABASE_PREPARE_THRESHOLD", "5")
    return Settings(
        database_urls={
            service: url
            for service in services
            if (url := read.database(f"IMPACTX_{service.upper()}_DATABASE_URL"))
        },
        administration_url=read.database("DATABASE_URL"),
        amqp_uri=read.broker("AMQP_URI") or MEMORY_BROKER,
        max_workers=read.integer("IMPACTX_MAX_WORKERS", 20, min_value=1, max_value=10_000),
        pool_size=read.integer("IMPACTX_DATABASE_POOL_SIZE", 20, min_value=2, max_value=10_000),
        prepare_threshold=None
        if threshold == "off"
        else read.integer("IMPACTX_DATABASE_PREPARE_THRESHOLD", 5, min_value=0),
        rpc_timeout=read.seconds("IMPACTX_RPC_TIMEOUT", 10.0),
        rpc_budget=read.seconds("IMPACTX_RPC_BUDGET", 3 * read.seconds("IMPACTX_RPC_TIMEOUT", 10.0)),
        rpc_quorum=read.flag("IMPACTX_RPC_QUORUM"),
        stop_grace=read.seconds("IMPACTX_STOP_GRACE", 20.0),
        relay_poll=read.seconds("IMPACTX_RELAY_POLL", 0.25),
        jwt_private_key=read.secret("IMPACTX_JWT_PRIVATE_KEY"),
        jwt_previous_public_keys=environment.get("IMPACTX_JWT_PREVIOUS_PUBLIC_KEYS", ""),
        access_token_lifetime=read.integer(
            "IMPACTX_ACCESS_TOKEN_LIFETIME", 900, min_value=1, max_value=MAX_LIFETIME
        ),
        refresh_token_lifetime=read.integer(
            "IMPACTX_REFRESH_TOKEN_LIFETIME", 30 * 86400, min_value=1, max_value=MAX_LIFETIME
        ),
        bcrypt_cost=read.integer("IMPACTX_BCRYPT_COST", 12, min_value=4, max_value=20),
        admin_email=environment.get("IMPACTX_ADMIN_EMAIL", "admin@impactx.example"),
        admin_password=read.secret("IMPACTX_ADMIN_PASSWORD") or None,
        token=read.secret("IMPACTX_TOKEN"),
        database_passwords={
            service: read.secret(f"IMPACTX_{service.upper()}_DATABASE_PASSWORD") or None
            for service in services
        },
        broker_passwords=read.broker_passwords(),
        rabbitmq_api=read.web_url("IMPACTX_RABBITMQ_API"),
        alert_sender=environment.get("IMPACTX_ALERT_SENDER", "alerts@impactx.example"),
        home=Path(environment.get("IMPACTX_HOME", DEFAULT_HOME)),
        http_host=environment.get("IMPACTX_HTTP_HOST", "127.0.0.1"),
        http_port=read.integer("IMPACTX_HTTP_PORT", 8000, min_value=0, max_value=MAX_PORT),
        http_connections=read.integer("IMPACTX_HTTP_CONNECTIONS", 4096, min_value=1),
        http_client_connections=read.integer("IMPACTX_HTTP_CLIENT_CONNECTIONS", 1024, min_value=0),
        http_patience=read.seconds("IMPACTX_HTTP_PATIENCE", 30.0),
        http_min_rate=read.integer("IMPACTX_HTTP_MIN_RATE", 1024, min_value=1),
        http_hosts=read.hosts("IMPACTX_HTTP_HOSTS"),
        http_proxies=read.integer("IMPACTX_HTTP_PROXIES", 0, min_value=0),
        http_rate=read.integer("IMPACTX_HTTP_RATE", 200, min_value=0),
        http_burst=read.integer("IMPACTX_HTTP_BURST", 2000, min_value=1),
        http_body_seconds=read.seconds("IMPACTX_HTTP_BODY_SECONDS", 30.0),
        http_streams=read.integer("IMPACTX_HTTP_STREAMS", 100, min_value=1),
        http_heartbeat=read.seconds("IMPACTX_HTTP_HEARTBEAT", 15.0),
        http_cors_origins=read.origins("IMPACTX_HTTP_CORS_ORIGINS"),
        http_public_url=read.address("IMPACTX_HTTP_PUBLIC_URL"),
        health_host=environment.get("IMPACTX_HEALTH_HOST", "127.0.0.1"),
        health_port=read.integer("IMPACTX_HEALTH_PORT", 0, min_value=0, max_value=MAX_PORT)
        if environment.get("IMPACTX_HEALTH_PORT")
        else None,
        traces_endpoint=read.address("IMPACTX_TRACES_ENDPOINT")
        or read.address("OTEL_EXPORTER_OTLP_ENDPOINT"),
        attachments=read.file_address("IMPACTX_ATTACHMENTS"),
        attachment_limit=read.integer("IMPACTX_ATTACHMENT_LIMIT", 100 * MIB, min_value=1, max_value=2**40),
        attachment_quota_reporter=read.size("IMPACTX_ATTACHMENT_QUOTA_REPORTER", 64 * MIB),
        attachment_quota_staff=read.size("IMPACTX_ATTACHMENT_QUOTA_STAFF", 5 * 1024 * MIB),
        attachment_quota_report=read.size("IMPACTX_ATTACHMENT_QUOTA_REPORT", 1024 * MIB),
        attachment_quota_total=read.size("IMPACTX_ATTACHMENT_QUOTA_TOTAL", 0),
        attachment_free_space=read.size("IMPACTX_ATTACHMENT_FREE_SPACE", 512 * MIB),
        keep_photo_metadata=read.flag("IMPACTX_KEEP_PHOTO_METADATA"),
        phone_region=environment.get("IMPACTX_PHONE_REGION", ""),
        tile_url=environment.get("IMPACTX_TILE_URL", ""),
        tile_attribution=environment.get("IMPACTX_TILE_ATTRIBUTION", ""),
        log_level=read.choice("IMPACTX_LOG_LEVEL", LOG_LEVELS),
    )


class _Reader:
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

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        text = self._environment.get(name, "").strip().upper()
        if text and text not in choices:
            raise SettingError(f"{name} must be one of {', '.join(choices)}, not {text[:50]!r}.")
        return text

    def flag(self, name: str) -> bool:
        text = self._environment.get(name, "").lower()
        if text not in ("", "0", "1", "false", "true"):
            raise SettingError(f"{name} must be true or false, not {text!r}.")
        return text in ("1", "true")

    def origins(self, name: str) -> tuple[str, ...]:
        """Origins as browsers write them, with commas between; ``*`` alone is every one."""
        found = tuple(part.strip() for part in self._environment.get(name, "").split(",") if part.strip())
        if found != ("*",) and not all(
            _ORIGIN.fullmatch(origin) and _is_web_address(origin) for origin in found
        ):
            raise SettingError(f"{name} must be like https://app.example,https://other.example, or * alone.")
        return found

    def hosts(self, name: str) -> tuple[str, ...]:
        """Names of hosts without ports, with commas between, in lower case."""
        parts = (part.strip().lower() for part in self._environment.get(name, "").split(","))
        found = tuple(part for part in parts if part)
        for host in found:
            if not _HOST_NAME.fullmatch(host):
                raise SettingError(
                    f"{name} must be like impactx.example,10.0.0.5, without ports; not {host!r}."
                )
        return found

    def address(self, name: str) -> str:
        """Where something is, without a path that ends in a slash; empty where it is not said."""
        found = self._environment.get(name, "").rstrip("/")
        if found and not (_ADDRESS.fullmatch(found) and _is_web_address(found)):
            raise SettingError(f"{name} must be like https://impactx.example, not {found!r}.")
        return found

    def secret(self, name: str) -> str:
        """A secret as such, or from the file that ``<name>_FILE`` names, as containers pass them."""
        path = self._environment.get(f"{name}_FILE", "")
        if not path:
            return self._environment.get(name, "")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingError(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from error
        except ValueError:
            raise SettingError(f"{name}_FILE names a file that is not text in UTF-8.") from None

    def broker_passwords(self) -> dict[str, str]:
        """Those that are given, by the name of the user in capitals: other systems have users as well."""
        found = [_BROKER_PASSWORD.fullmatch(name) for name in self._environment]
        users = {match[1] for match in found if match}
        return {user: self.secret(f"IMPACTX_{user}_BROKER_PASSWORD") for user in sorted(users)}

    def broker(self, name: str) -> str:
        """The URI of the broker, whose options and files can work."""
        text = self.secret(name)
        if text:
            try:
                read_address(text)
            except BrokerAddressError as error:
                raise SettingError(f"{name} {error}") from error
        return text

    def database(self, name: str) -> str:
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

    def web_url(self, name: str) -> str:
        """An address of HTTP with a password in it."""
        text = self._url(name, ("http", "https"))
        if text and (not _is_web_address(text) or "?" in text or "#" in text):
            raise SettingError(
                f"{name} must be like http://administrator:password@host:15672, with %3F, %23 and %40 for ?, # and @ in"
                " the password."
            )
        return text

    def file_address(self, name: str) -> str:
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
        text = self.secret(name)
        if text and not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise SettingError(f"{name} must be a URL that begins with {schemes[0]}://.")
        return text


def _is_web_address(text: str) -> bool:
    """Return whether it has a host, and a port that there can be if any."""
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
