"""Gives the service what it signs tokens and checks passwords with, made once a process from the settings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from nameko.extensions import DependencyProvider, SharedExtension

from services.identity.operations import Secrets
from services.identity.passwords import PasswordHasher
from services.identity.tokens import Signer

if TYPE_CHECKING:
    from shared.platform.settings import Settings


def signer_of(settings: Settings) -> Signer:
    """The signer with the keys of the settings.

    Raises:
        KeyFault: A key is missing or cannot be used.
    """
    return Signer(
        settings.jwt_private_key,
        settings.jwt_previous_public_keys,
        lifetime=settings.access_token_lifetime,
    )


class SecretsOfProcess(SharedExtension):
    """One signer and one hasher a container, so that the hasher's limit holds for all workers."""

    def setup(self) -> None:
        """Called by nameko; a key that cannot be used stops the start and not the first sign-in."""
        _ = self.secrets

    @cached_property
    def secrets(self) -> Secrets:
        """Made when it is first asked for."""
        settings = self.container.config["SETTINGS"]
        return Secrets(
            signer=signer_of(settings),
            hasher=PasswordHasher(settings.bcrypt_cost),
            refresh_lifetime=settings.refresh_token_lifetime,
        )


class SecretsProvider(DependencyProvider):
    """``secrets = SecretsProvider()`` in the service class gives its methods a `Secrets`."""

    shared = SecretsOfProcess()

    def get_dependency(self, worker_ctx: Any) -> Secrets:
        """Called by nameko for each worker."""
        return self.shared.secrets
