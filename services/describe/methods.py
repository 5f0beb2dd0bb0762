"""Finds the RPC methods of the services, with all that is declared of them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from shared.contracts.topology import SERVICES
from shared.rpc.server import Method

if TYPE_CHECKING:
    from shared.rpc.operation import Description


@dataclass(frozen=True, slots=True)
class Offer:
    """One RPC method.

    Attributes:
        service: Who offers it.
        name: Its name there.
        description: What its decorator declares.
        summary: What it does, one paragraph.
        errors: What it raises beyond what every method may: the error's name, then when.
    """

    service: str
    name: str
    description: Description
    summary: str
    errors: tuple[tuple[str, str], ...]


def every_offer() -> dict[str, list[Offer]]:
    """The methods of every service by name, services in their usual order."""
    return {service: _offers_of(service) for service in SERVICES}


def _offers_of(service: str) -> list[Offer]:
    offers = []
    for name, method in inspect.getmembers(_class_of(service), inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, Method):
                behind = _documentation(service, name)
                summary = paragraphs(inspect.getdoc(method) or behind)[0]
                offers.append(Offer(service, name, entrypoint.description, summary, tuple(_errors(behind))))
    return sorted(offers, key=lambda offer: offer.name)


def _class_of(service: str) -> type[Any]:
    module = import_module(f"services.{service}.service")
    for _, found in inspect.getmembers(module, inspect.isclass):
        if getattr(found, "name", None) == service:
            return found
    raise LookupError(f"services/{service}/service.py has no class named {service!r}")


def _documentation(service: str, name: str) -> str:
    """The docstring of the operation or query of the same name, which says what can go wrong."""
    for room in ("operations", "queries"):
        if find_spec(f"services.{service}.{room}") is None:
            continue
        function = getattr(import_module(f"services.{service}.{room}"), name, None)
        if function is not None:
            return inspect.getdoc(function) or ""
    return ""


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a docstring, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _errors(text: str) -> list[tuple[str, str]]:
    """The entries of the docstring's ``Raises:`` section."""
    found: list[tuple[str, str]] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == "Raises:":
            inside = True
        elif inside and line.strip():
            if not line.startswith(" "):
                break
            name, colon, reason = line.strip().partition(": ")
            if colon and name.isidentifier() and len(line) - len(line.lstrip()) == 4:  # noqa: PLR2004 - Google's style
                found.append((name, reason))
            elif found:
                found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found
