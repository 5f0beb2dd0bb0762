"""Whether each of our queues that has to hear an event is there and bound, asked before the event is published.

The broker says only when nobody at all gets a message: one bound queue hides that another is missing, and so does the
live stream of any gateway. RabbitMQ tells nobody which bindings there are without its management API, but a binding may
be made again at any time, and says then that its queue is not there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import amqp.exceptions

from shared.client.amqp.link import BROKEN, FAULTS_OF_A_CLOSED_CHANNEL, is_broken
from shared.client.amqp.transport import connection_to
from shared.client.errors import Unavailable
from shared.platform import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)


class Routes:
    """Binds the queues that hear a service's events. One thread uses it; its connection publishes nothing.

    Args:
        service: Whose events.
        uri: The broker.
    """

    def __init__(self, service: str, uri: str) -> None:
        self._service = service
        self._uri = uri
        self._connection: Any = None
        self._channel: Any = None

    def missing(self, event_types: Iterable[str]) -> dict[str, str]:
        """Return those of the types that not every queue hears which should, with the reason.

        Raises:
            Unavailable: The broker cannot be asked.
        """
        found: dict[str, str] = {}
        for event_type in sorted(set(event_types)):
            for queue in registry.current().hearers_of(self._service, event_type):
                reason = self._bind(queue, event_type)
                if reason:
                    found[event_type] = (
                        f"The queue {queue} does not hear {self._service}.{event_type}: {reason}"
                    )
        return found

    def close(self) -> None:
        """Close the connection, without a goodbye."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            try:
                connection.collect()
            except (*BROKEN, *FAULTS_OF_A_CLOSED_CHANNEL) as error:
                logger.debug("closing the connection for routes: %s", error)

    def _bind(self, queue: str, event_type: str) -> str:
        """Bind it, and return why that cannot be done."""
        while True:
            fresh = self._connection is None
            try:
                self._open().queue_bind(
                    queue, exchange=registry.exchange_of(self._service), routing_key=event_type
                )
            except amqp.exceptions.ChannelError as error:
                self._channel = None  # the broker has closed it
                return f"{error.reply_text or error}. Declare the topology, and the rights of the broker's users."
            except (*BROKEN, *FAULTS_OF_A_CLOSED_CHANNEL) as error:
                if self._channel is not None and not is_broken(error, self._channel):
                    raise
                self.close()
                # One that was not used for a while may have gone unnoticed; a new one says that the broker is away.
                if fresh:
                    raise Unavailable("The message broker cannot be asked who hears an event.") from error
            else:
                return ""

    def _open(self) -> Any:
        if self._connection is None:
            self._connection = connection_to(
                self._uri, client_properties={"connection_name": f"routes of {self._service}"}
            )
            self._connection.connect()
        if self._channel is None:
            self._channel = self._connection.channel()
        return self._channel
