"""Serves a service's RPC methods on nameko's wire: requests from ``rpc-<service>``, replies where they are asked for.

It stands in for nameko's own consumer and responder, which wait for a confirm with each reply, reconnect for
each, acknowledge what they cannot decode, die of a request without ``reply_to``, and on a stop close the
connection before the work in hand is acknowledged.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import orjson
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension

from shared.contracts import topology
from shared.errors import ImpactXError, NotFound, Unavailable, to_wire
from shared.messaging.declare import declare_rpc
from shared.messaging.link import TRANSIENT
from shared.messaging.reader import QueueReader
from shared.messaging.subscribe import bytes_of
from shared.rpc.request import CORRELATION_HEADER, correlation_id_of, request_of
from shared.rpc.verification import Verification

logger = logging.getLogger(__name__)

READY_SECONDS = 10.0


class RpcServer(SharedExtension, ProviderCollector):
    """Reads the requests of one service and answers them; shared by all its methods."""

    verification = Verification()

    def setup(self) -> None:
        """Called by nameko, once for each method that shares the server."""
        if hasattr(self, "_reader"):
            return
        service = self.container.service_name
        self._settings = self.container.config["SETTINGS"]
        self._reader = QueueReader(
            self._settings.amqp_uri,
            topology.rpc_queue_of(service),
            prefetch=self._settings.max_workers,
            receive=self._receive,
            declare=partial(declare_rpc, service, quorum=self._settings.rpc_quorum),
        )
        self._started = False

    def start(self) -> None:
        """Called by nameko, once for each method that shares the server."""
        if self._started:
            return
        self._started = True
        self._methods = {provider.method_name: provider for provider in self._providers}
        self._reader.start()
        self._reader.wait_until_open(READY_SECONDS)

    def stop_receiving(self) -> None:
        """No new requests; those in hand are still answered."""
        self._reader.cancel()

    def stop(self) -> None:
        """Called by nameko when no worker runs any more."""
        self._reader.close(self._settings.stop_grace)

    def _receive(self, message: Any) -> None:
        method = str(message.delivery_info.get("routing_key", "")).rpartition(".")[2]
        try:
            provider = self._methods.get(method)
            if provider is None:
                raise NotFound(f"There is no method {self.container.service_name}.{method}.")
            request = request_of(bytes_of(message), message.headers)
        except ImpactXError as error:
            self._reply(message, {"result": None, "error": to_wire(error)})
            return
        try:
            self.container.spawn_worker(
                provider,
                (request, self.verification.verify),
                {},
                handle_result=partial(self._answer, message),
            )
        except ContainerBeingKilled:
            self._reader.requeue(message)

    def _answer(self, message: Any, _worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        if exc_info is not None:
            result = {"result": None, "error": to_wire(failure(correlation_id_of(message.headers)))}
        self._reply(message, result)
        return result, exc_info

    def _reply(self, message: Any, reply: dict[str, Any]) -> None:
        reply_to = message.properties.get("reply_to")
        if reply_to:
            try:
                body = orjson.dumps(reply)
            except TypeError:
                logger.exception("%s: the result cannot be sent", message.delivery_info.get("routing_key"))
                body = orjson.dumps(
                    {
                        "result": None,
                        "error": to_wire(failure(str(message.headers.get(CORRELATION_HEADER, "")))),
                    }
                )
            try:
                self._reader.link.publish(
                    body,
                    exchange=topology.RPC_EXCHANGE,
                    routing_key=reply_to,
                    delivery_mode=TRANSIENT,
                    correlation_id=message.properties.get("correlation_id"),
                )
            except Unavailable as error:
                # The call is made again, here or elsewhere: a repeat is harmless, a caller without answer is not.
                logger.warning("a reply could not be sent, the request goes back: %s", error)
                self._reader.requeue(message)
                return
        self._reader.acknowledge(message)


def failure(correlation_id: str) -> Unavailable:
    """What a caller learns of a fault in the service: where to ask, nothing of the fault itself."""
    return Unavailable(
        f"The service failed; its log says why under {correlation_id}.", correlation_id=correlation_id
    )


class Method(Entrypoint):
    """One RPC method; made by `shared.rpc.operation.operation`."""

    server = RpcServer()

    def __init__(self, description: Any) -> None:
        super().__init__()
        self.description = description

    def setup(self) -> None:
        """Called by nameko."""
        self.server.register_provider(self)

    def stop(self) -> None:
        """Called by nameko."""
        self.server.stop_receiving()
        self.server.unregister_provider(self)
