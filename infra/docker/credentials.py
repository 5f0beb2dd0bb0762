"""Makes the secrets of docker-compose.yml, where they are missing: ``python -m infra.docker.credentials``.

Each container mounts a directory of its own and sees no other's. The passwords themselves are kept for the one-shot
containers, in ``administration``; what the others are told is written from them each time. So a secret of one's own
is put there beforehand, and one that is deleted there is made anew by the next `up`.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from infra.local.instance_dir import private_key_pem
from infra.postgres.roles import runtime_role
from infra.rabbitmq.rights import GATEWAY, OPERATOR, USERS
from shared.domain.topology import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path("/secrets")
PASSWORD_BYTES: Final = 18

ADMINISTRATOR: Final = "impactx"
"""What PostgreSQL, its database and RabbitMQ call the administrator that their containers make."""

COMMANDS: Final = "administration"
"""The user of RabbitMQ with whom the commands call the services."""

POSTGRESQL: Final = "postgresql:5432"
PGBOUNCER: Final = "pgbouncer:6432"
RABBITMQ: Final = "rabbitmq:5672"
RABBITMQ_API: Final = "rabbitmq:15672"


def make(root: Path) -> None:
    """Writes what each container is told below `root`, where there is a directory for each already."""
    kept = root / "administration"
    postgresql = _kept(kept / "postgresql_password")
    rabbitmq = _kept(kept / "rabbitmq_password")
    _kept(kept / "administrator_password")
    databases = {service: _kept(kept / f"{service}_database_password") for service in SERVICES}

    brokers = {user: _kept(kept / f"{user}_broker_password") for user in (*USERS, COMMANDS)}

    _write(kept / "database_url", _database(ADMINISTRATOR, postgresql, POSTGRESQL))
    _write(kept / "rabbitmq_api", f"http://{ADMINISTRATOR}:{quote(rabbitmq, safe='')}@{RABBITMQ_API}")
    for user in (OPERATOR, COMMANDS):
        _write(kept / f"{user}_amqp_uri", _broker(user, brokers[user]))
    _write(root / "postgresql" / "password", postgresql)
    _write(
        root / "rabbitmq" / "administrator.conf",
        f"default_user = {ADMINISTRATOR}\ndefault_pass = {rabbitmq}\n",
    )
    _write(root / "pgbouncer" / "userlist.txt", "".join(map(_login, databases, databases.values())))
    for service, password in databases.items():
        _write(root / service / "database_url", _database(runtime_role(service), password, PGBOUNCER))
    for service in (*SERVICES, GATEWAY):
        _write(root / service / "amqp_uri", _broker(service, brokers[service]))
    _kept(root / "identity" / "jwt_private_key", private_key_pem)
    _kept(root / "grafana" / "password")


def _password() -> str:
    # Letters and digits: it stands in files of which each has marks of its own.
    return secrets.token_hex(PASSWORD_BYTES)


def _login(service: str, password: str) -> str:
    # PgBouncer has a quotation mark doubled
    quoted = password.replace('"', '""')
    return f'"{runtime_role(service)}" "{quoted}"\n'


def _database(user: str, password: str, where: str) -> str:
    return f"postgresql://{user}:{quote(password, safe='')}@{where}/{ADMINISTRATOR}"


def _broker(user: str, password: str) -> str:
    return f"amqp://{user}:{quote(password, safe='')}@{RABBITMQ}//"


def _kept(path: Path, made: Callable[[], str] = _password) -> str:
    if not path.exists():
        _write(path, made())
    return path.read_text(encoding="utf-8").strip()


def _write(path: Path, content: str) -> None:
    """Puts a new file in place of the old one, so that who reads it finds one or the other."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(content, encoding="utf-8")
    # Every user, as with the secrets of Docker itself: the directory is mounted in the one container that it is for,
    # whose user is its image's affair.
    new.chmod(0o444)
    new.replace(path)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
