"""Gives a container its token verifier: with its own keys in identity itself, with identity's answer elsewhere."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from nameko.extensions import SharedExtension

from shared.rpc.provider import RpcClients
from shared.rpc.tokens import TokenVerifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.rpc.context import Caller


class Verification(SharedExtension):
    """One verifier a container."""

    clients = RpcClients()

    def verify(self, token: str, correlation_id: str) -> Caller:
        """The caller that the token vouches for; see `TokenVerifier.verify`."""
        return self._verifier.verify(token, correlation_id)

    @cached_property
    def _verifier(self) -> TokenVerifier:
        # identity has `own_keys`. Asking itself by RPC could wait for ever once every worker does.
        own_keys = getattr(self.container.service_cls, "own_keys", None)
        if own_keys is None:
            return TokenVerifier(self._ask_identity)
        settings = self.container.config["SETTINGS"]
        return TokenVerifier(lambda: own_keys(settings))

    def _ask_identity(self) -> Mapping[str, Any]:
        keys: Mapping[str, Any] = self.clients.client.call("identity.get_jwks")
        return keys
