"""A connection to the broker for as long as an operator's command takes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import kombu

from shared.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_SECONDS = 5


@contextmanager
def command_connection(amqp_uri: str, **transport_options: Any) -> Iterator[kombu.Connection]:
    """Connects once, and closes afterwards.

    Args:
        amqp_uri: The broker.
        transport_options: As kombu's.

    Raises:
        Unavailable: The broker cannot be reached, or refuses this user.
    """
    try:
        with kombu.Connection(
            amqp_uri, connect_timeout=CONNECT_SECONDS, transport_options=transport_options
        ) as connection:
            yield connection
    except (OSError, amqp.exceptions.AMQPError) as error:
        raise Unavailable(f"The message broker cannot be used: {error}") from error
