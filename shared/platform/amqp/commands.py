"""A connection to the broker for as long as an operator's command takes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import amqp.exceptions

from shared.client.amqp.address import BrokerAddressError
from shared.client.amqp.transport import connection_to
from shared.client.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import kombu


@contextmanager
def command_connection(amqp_uri: str, **options: Any) -> Iterator[kombu.Connection]:
    """Connect once, and close afterwards. Messages are got whole, however large they are.

    Args:
        amqp_uri: The broker.
        options: Of py-amqp's connection.

    Raises:
        Unavailable: The broker cannot be reached, refuses this user, or takes no messages.
    """
    try:
        with connection_to(amqp_uri, max_body=None, on_blocked=_give_up, **options) as connection:
            yield connection
    except (OSError, amqp.exceptions.AMQPError, BrokerAddressError) as error:
        raise Unavailable(f"The message broker cannot be used: {error}") from error


def _give_up(reason: str) -> None:
    raise Unavailable(f"The message broker takes no messages now: {reason}.")
