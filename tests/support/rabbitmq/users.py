"""Users of a RabbitMQ as ``broker-users`` makes them, so that tests run with the rights that operators give."""

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import quote

from infra.rabbitmq.users import all_rights, definitions, import_definitions
from tests.support.rabbitmq.broker import VirtualHost


def users_of(
    virtual_host: VirtualHost, *, clients: Iterable[str] = (), nameko_clients: Iterable[str] = ()
) -> dict[str, str]:
    """Makes them for a virtual host.

    Args:
        virtual_host: Where they have their rights.
        clients: Other systems.
        nameko_clients: Other systems that use nameko itself.

    Returns:
        What ``AMQP_URI`` is set to, by user.
    """
    broker = virtual_host.broker
    rights = all_rights(clients, nameko_clients)
    # Users are the whole broker's. Their passwords do not change, so that those of other virtual hosts go on.
    passwords = {
        user: hmac.digest(broker.password.encode(), user.encode(), hashlib.sha256).hex() for user in rights
    }
    scheme, address = broker.api_url().split("://")
    administrator = f"{quote(broker.user, safe='')}:{quote(broker.password, safe='')}"
    import_definitions(
        f"{scheme}://{administrator}@{address}", definitions(rights, passwords, virtual_host.name)
    )
    where = f"{broker.host}:{broker.port}/{quote(virtual_host.name, safe='')}"
    return {user: f"amqp://{user}:{password}@{where}" for user, password in passwords.items()}
