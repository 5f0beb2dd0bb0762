"""Users of a RabbitMQ as ``broker-users`` makes them, so that tests run with the rights that operators give."""

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import quote

from infra.rabbitmq.users import all_rights, definitions, import_definitions
from tests.support.rabbitmq.broker import Broker, VirtualHost


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
    passwords = {user: password_of(broker, user) for user in rights}
    import_definitions(administration_of(broker), definitions(rights, passwords, virtual_host.name))
    where = f"{broker.host}:{broker.port}/{quote(virtual_host.name, safe='')}"
    return {user: f"amqp://{user}:{password}@{where}" for user, password in passwords.items()}


def password_of(broker: Broker, user: str) -> str:
    """Always the same: users are the whole broker's, and those of other virtual hosts have to go on."""
    return hmac.digest(broker.password.encode(), user.encode(), hashlib.sha256).hex()


def administration_of(broker: Broker) -> str:
    """What ``IMPACTX_RABBITMQ_API`` is set to."""
    scheme, address = broker.api_url().split("://")
    return f"{scheme}://{quote(broker.user, safe='')}:{quote(broker.password, safe='')}@{address}"
