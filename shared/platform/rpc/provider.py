"""Gives a service its RPC client."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from nameko.extensions import DependencyProvider, SharedExtension

from shared.client.rpc import RpcClient
from shared.platform import registry
from shared.platform.observability import metrics


class RpcClients(SharedExtension):
    """One client a container, shared by everything in it; it connects when it is first used."""

    @cached_property
    def client(self) -> RpcClient:
        """Made when it is first asked for."""
        settings = self.container.config["SETTINGS"]
        client = RpcClient(
            settings.amqp_uri,
            timeout=settings.rpc_timeout,
            budget=settings.rpc_budget,
            name=registry.calls_of(self.container.service_name),
        )
        client.observe = metrics.observe_rpc_call
        return client

    def stop(self) -> None:
        """Called by nameko when no worker runs any more."""
        if "client" in self.__dict__:
            self.client.close()


class RpcProvider(DependencyProvider):
    """``rpc = RpcProvider()`` in a service class gives its methods an `RpcClient`.

    Calls on a caller's behalf go ``self.rpc.on_behalf_of(caller).identity.locate_region(...)``.
    """

    clients = RpcClients()

    def get_dependency(self, worker_ctx: Any) -> RpcClient:
        """Called by nameko for each worker."""
        return self.clients.client
