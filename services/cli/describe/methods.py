"""Finds the RPC methods of the services, with all that is declared of them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.cli import loading
from shared.domain.topology import SERVICES
from shared.platform.rpc.server import Method

if TYPE_CHECKING:
    from shared.platform.rpc.operation import Description


@dataclass(frozen=True, slots=True)
class Offer:
    """One RPC method.

    Attributes:
        service: The name of the service that offers it.
        description: What its decorator declares.
    """

    service: str
    description: Description

    @property
    def name(self) -> str:
        """The name of the method, without that of the service."""
        return self.description.name

    @property
    def summary(self) -> str:
        """The first line of the docstring of the method."""
        return self.description.summary


def every_offer() -> dict[str, list[Offer]]:
    """Return the methods of each service by name, with the services in their usual order."""
    return {service: _offers_of(service) for service in SERVICES}


def _offers_of(service: str) -> list[Offer]:
    functions = inspect.getmembers(loading.service_class(service), inspect.isfunction)
    return [
        Offer(service, entrypoint.description)
        for _, function in functions
        for entrypoint in getattr(function, "nameko_entrypoints", ())
        if isinstance(entrypoint, Method)
    ]


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a docstring, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n")]
