"""The directory in which an embedded system keeps everything: its data, its secrets and its door for commands."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.local import broker
from infra.local.postgresql import EmbeddedPostgresql
from infra.postgres.bootstrap import bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shared.platform.settings import Settings

PASSWORD_BYTES = 18
ADMINISTRATOR = "administrator"
"""The name of the secret that is the administrator's password."""


class InstanceDirectory:
    """``.impactx``: PostgreSQL's directory, ``secrets.json`` (readable by its owner alone) and ``rpc.sock``.

    Args:
        path: Where it is; made when it is missing.
        durable: Whether commits survive a crash of the machine; a throw-away system needs not.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path.absolute()
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.socket = self.path / "rpc.sock"
        self.postgresql = EmbeddedPostgresql(self.path / "postgresql", durable=durable)

    def start_database(self, services: Sequence[str]) -> None:
        """Starts PostgreSQL and prepares roles and schemas."""
        self.postgresql.start()
        bootstrap(
            self.postgresql.url(), {service: self._secret(f"{service} database") for service in services}
        )

    def stop_database(self) -> None:
        """Stops PostgreSQL."""
        self.postgresql.stop()

    def settings(self, given: Settings, services: Sequence[str]) -> Settings:
        """The settings of the embedded system: its own database, broker and secrets, the rest as it was given."""
        broker.install()
        return replace(
            given,
            administration_url=self.postgresql.url(),
            database_urls={
                service: self._url(service, self._secret(f"{service} database")) for service in services
            },
            amqp_uri=broker.URI,
            jwt_private_key=given.jwt_private_key or self._signing_key(),
            admin_password=self.administrator_password(given),
        )

    def administrator_password(self, given: Settings) -> str:
        """The administrator's password: as it is given, else that of the first start, given or made there.

        The first one is remembered, for it is what the account has: a later one does not change it.
        """
        if given.admin_password and not self.knows(ADMINISTRATOR):
            self._keep(ADMINISTRATOR, given.admin_password)
        return given.admin_password or self._secret(ADMINISTRATOR)

    def knows(self, name: str) -> bool:
        """Whether this secret has been made."""
        return name in self._secrets()

    def _url(self, service: str, password: str) -> str:
        return f"postgresql://{service}_service:{password}@127.0.0.1:{self.postgresql.port}/impactx"

    def _signing_key(self) -> str:
        found = self._secrets().get("signing key")
        if found is None:
            found = private_key_pem()
            self._keep("signing key", found)
        return found

    def _secret(self, name: str) -> str:
        found = self._secrets().get(name)
        if found is None:
            found = secrets.token_urlsafe(PASSWORD_BYTES)
            self._keep(name, found)
        return found

    @property
    def secrets(self) -> Path:
        """The file that holds the secrets, as JSON."""
        return self.path / "secrets.json"

    def _secrets(self) -> dict[str, str]:
        if not self.secrets.exists():
            return {}
        found: dict[str, str] = orjson.loads(self.secrets.read_bytes())
        return found

    def _keep(self, name: str, secret: str) -> None:
        """Writes a new file and puts it in place of the old one, so that a crash leaves one or the other."""
        new = self.secrets.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(self._secrets() | {name: secret}, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.secrets)


def private_key_pem() -> str:
    """A new Ed25519 key for identity to sign tokens with, as PKCS #8 PEM."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )
