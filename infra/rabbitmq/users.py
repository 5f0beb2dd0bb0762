"""The users of the broker as a RabbitMQ definitions document, and how a running broker is told of them.

The document is what RabbitMQ imports at its start (``load_definitions``), by ``rabbitmqctl import_definitions`` and by
its management API alike. Importing it again changes nothing, and what it does not mention it leaves alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from infra.rabbitmq.rights import (
    GATEWAY,
    OPERATOR,
    USERS,
    Rights,
    rights_of_client,
    rights_of_gateway,
    rights_of_operator,
    rights_of_service,
)
from shared.client.errors import Invalid, Unavailable
from shared.domain.topology import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

API_SECONDS: Final = 30
RESERVED: Final = (*USERS, "amq", "rpc")
"""Names whose queues would be mixed up with those of somebody else."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


def all_rights(clients: Iterable[str] = (), nameko_clients: Iterable[str] = ()) -> dict[str, Rights]:
    """What each user may do, by its name.

    Args:
        clients: Other systems.
        nameko_clients: Other systems that use nameko's own proxies and handlers.

    Raises:
        Invalid: A name cannot be that of another system.
    """
    rights = {service: rights_of_service(service) for service in SERVICES}
    rights |= {GATEWAY: rights_of_gateway(), OPERATOR: rights_of_operator()}
    rights |= {name: rights_of_client(_checked(name)) for name in clients}
    return rights | {name: rights_of_client(_checked(name), by_nameko=True) for name in nameko_clients}


def definitions(
    rights: Mapping[str, Rights], passwords: Mapping[str, str], virtual_host: str
) -> dict[str, Any]:
    """The document.

    Args:
        rights: By user.
        passwords: By user; the document holds salted hashes alone.
        virtual_host: Where the rights are given.
    """
    return {
        "vhosts": [{"name": virtual_host}],
        "users": [
            {
                "name": user,
                "password_hash": _hashed(passwords[user]),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
            }
            for user in rights
        ],
        "permissions": [
            {
                "user": user,
                "vhost": virtual_host,
                "configure": given.configure,
                "write": given.write,
                "read": given.read,
            }
            for user, given in rights.items()
        ],
        "topic_permissions": [
            {
                "user": user,
                "vhost": virtual_host,
                "exchange": exchange,
                "write": topics.write,
                "read": topics.read,
            }
            for user, given in rights.items()
            for exchange, topics in given.topics.items()
        ],
    }


def import_definitions(api_url: str, document: Mapping[str, Any]) -> None:
    """Gives a document to a running broker.

    Args:
        api_url: The management API, ``http://administrator:password@host:15672``.
        document: See `definitions`.

    Raises:
        Unavailable: The broker does not answer, or does not take it.
    """
    parts = urlsplit(api_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}",
        "Content-Type": "application/json",
    }
    try:
        with closing(kind(parts.hostname or "", parts.port, timeout=API_SECONDS)) as connection:
            path = f"{quote(parts.path.rstrip('/'))}/api/definitions"
            connection.request("POST", path, json.dumps(document), headers)
            answer = connection.getresponse()
            said = answer.read(1000).decode(errors="replace")
    except (OSError, HTTPException) as error:
        raise Unavailable(f"The management API of the broker cannot be reached: {error}") from error
    if answer.status >= 300:  # noqa: PLR2004 - what is no success
        raise Unavailable(f"The broker does not take the definitions: {answer.status} {answer.reason} {said}")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise Invalid(
            f"{name!r} cannot be another system's name: use small letters, digits and hyphens, and none of"
            f" {', '.join(RESERVED)}."
        )
    return name


def _hashed(password: str) -> str:
    """As RabbitMQ stores it: SHA-256 of a random salt of 32 bits and the password, with the salt before it."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
