"""Reads ``AMQP_URI``: where the broker is and how it is spoken to, checked before anything connects.

``amqp://user:password@host:5672/virtual%20host`` is plain, ``amqps://…:5671/…`` is TLS. With TLS the broker's
certificate is verified, also for its name, unless an option says otherwise. The options stand in the query part:

- ``ssl_ca_certs``: a file with the certificates that sign brokers; the system's own by default.
- ``ssl_certfile``, ``ssl_keyfile``: the certificate that this client shows, and its key.
- ``ssl_server_hostname``: the name that the broker's certificate is made for, where it is not that of the address.
- ``ssl_check_hostname``: ``false`` takes a certificate whatever name it is made for.
- ``ssl_cert_reqs``: ``none`` takes any certificate, which protects from nobody who can redirect the connection.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMORY_SCHEME: Final = "memory"
TLS_SCHEME: Final = "amqps"
SCHEMES: Final = ("amqp", TLS_SCHEME, "pyamqp", MEMORY_SCHEME)

PORT: Final = 5672
TLS_PORT: Final = 5671
MAX_PORT: Final = 65_535

_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_CERT_REQS: Final = {
    "required": True,
    "cert_required": True,
    "optional": True,
    "cert_optional": True,
    "none": False,
    "cert_none": False,
}
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
OPTIONS: Final = (*_FILES, "ssl_server_hostname", "ssl_check_hostname", "ssl_cert_reqs")
"""The options of ``amqps://``."""


class BrokerAddressError(ValueError):
    """The address cannot be used. The message says why, and never repeats the address, which holds a password."""


@dataclass(frozen=True)
class BrokerAddress:
    """Where the broker is.

    Attributes:
        scheme: One of `SCHEMES`.
        host: A name or an address; IPv6 addresses are in brackets.
        port: The port.
        user: Who connects.
        password: Their password.
        virtual_host: The part of the broker.
        options: As given, for TLS.
    """

    scheme: str
    host: str = ""
    port: int = PORT
    user: str = ""
    password: str = field(default="", repr=False)
    virtual_host: str = "/"
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def server_hostname(self) -> str:
        """The name that the broker's certificate has to be made for."""
        return self.options.get("ssl_server_hostname") or self.host.strip("[]")

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The settings of TLS; None where the connection is plain.

        Raises:
            BrokerAddressError: A file cannot be used.
        """
        if self.scheme != TLS_SCHEME:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not _CERT_REQS[self.options.get("ssl_cert_reqs", "required").lower()]:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif not _FLAGS[self.options.get("ssl_check_hostname", "true").lower()]:
            context.check_hostname = False
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        authorities = self.options.get("ssl_ca_certs")
        if authorities is None:
            context.load_default_certs()
        else:
            try:
                context.load_verify_locations(authorities)
            except (OSError, ValueError) as error:
                raise BrokerAddressError(
                    f"ssl_ca_certs names {authorities}, which holds no certificates."
                ) from error
        certificate = self.options.get("ssl_certfile")
        if certificate is not None:
            try:
                # A password is given so that a key that needs one fails, instead of asking at the terminal.
                context.load_cert_chain(certificate, self.options.get("ssl_keyfile"), password="")
            except (OSError, ValueError) as error:
                raise BrokerAddressError(
                    f"ssl_certfile names {certificate}, which is no certificate with the key of ssl_keyfile."
                ) from error


def read_address(uri: str) -> BrokerAddress:
    """Return what the URI says, with every option checked and every file readable.

    Raises:
        BrokerAddressError: It says what cannot work.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BrokerAddressError(f"has a host or a port that is none; ports are 1 to {MAX_PORT}.") from None
    if parts.scheme not in SCHEMES:
        raise BrokerAddressError(f"must be a URL that begins with one of {', '.join(SCHEMES)}.")
    if parts.scheme == MEMORY_SCHEME:
        return BrokerAddress(MEMORY_SCHEME)
    if not host or port == 0 or any(sign in parts.netloc.rpartition("@")[2] for sign in ",; \\"):
        raise BrokerAddressError("must name one host, such as amqp://user:password@broker.example:5672/.")
    if parts.fragment:
        raise BrokerAddressError("has a # in it; within a password or a virtual host write %23.")
    virtual_host = unquote(parts.path.removeprefix("/"))
    address = BrokerAddress(
        parts.scheme,
        f"[{host}]" if ":" in host else host,
        port or (TLS_PORT if parts.scheme == TLS_SCHEME else PORT),
        unquote(parts.username or "guest"),
        unquote(parts.password or "guest"),
        virtual_host or "/",
        _options(parts.scheme, parts.query),
    )
    address.tls  # noqa: B018 - reads the files, so that what cannot be used is said now
    return address


def _options(scheme: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise BrokerAddressError(f"has an option {name!r} that is not known; {', '.join(OPTIONS)} are.")
        if name in options:
            raise BrokerAddressError(f"has the option {name} twice.")
        if not value:
            raise BrokerAddressError(f"has the option {name} without a value.")
        options[name] = value
    if query and not options:
        raise BrokerAddressError("has a ? in it without an option; within a password write %3F.")
    if options and scheme != TLS_SCHEME:
        raise BrokerAddressError(f"has the option {next(iter(options))}, which is for {TLS_SCHEME}:// alone.")
    _check_values(options)
    return options


def _check_values(options: Mapping[str, str]) -> None:
    for name in _FILES:
        if name in options and not Path(options[name]).is_file():
            raise BrokerAddressError(f"names a file in {name} that is not there: {options[name]}.")
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise BrokerAddressError("has ssl_keyfile, so it needs ssl_certfile as well.")
    for name, known in (("ssl_cert_reqs", _CERT_REQS), ("ssl_check_hostname", _FLAGS)):
        if options.get(name, next(iter(known))).lower() not in known:
            raise BrokerAddressError(f"must have one of {', '.join(known)} for {name}.")
