"""Finds the RPC methods of the services, with all that is declared of them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from shared.domain.topology import SERVICES
from shared.platform.rpc.server import Method

if TYPE_CHECKING:
    from shared.platform.rpc.operation import Description

INDENT = "    "
RAISES = "Raises:"


@dataclass(frozen=True, slots=True)
class Offer:
    """One RPC method.

    Attributes:
        service: Who offers it.
        name: Its name there.
        description: What its decorator declares.
        summary: What it does, one paragraph.
        errors: What it raises beyond what every method may: the error's name, then when.
        emits: The events of it, in words; empty where it says none.
    """

    service: str
    name: str
    description: Description
    summary: str
    errors: tuple[tuple[str, str], ...]
    emits: str


def every_offer() -> dict[str, list[Offer]]:
    """The methods of every service by name, services in their usual order."""
    return {service: _offers_of(service) for service in SERVICES}


def _offers_of(service: str) -> list[Offer]:
    offers = []
    for name, method in inspect.getmembers(_class_of(service), inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, Method):
                own = inspect.getdoc(method) or ""
                behind = own if RAISES in own.splitlines() else _documentation(service, name)
                summary = paragraphs(own or behind)[0]
                emits = " ".join(_section(behind, "Emits"))
                errors = tuple(_errors(behind))
                offers.append(Offer(service, name, entrypoint.description, summary, errors, emits))
    return sorted(offers, key=lambda offer: offer.name)


def _class_of(service: str) -> type[Any]:
    module = import_module(f"services.{service}.service")
    for _, found in inspect.getmembers(module, inspect.isclass):
        if getattr(found, "name", None) == service:
            return found
    raise LookupError(f"services/{service}/service.py has no class named {service!r}")


def _documentation(service: str, name: str) -> str:
    """The docstring of the operation or query of the same name, which says what can go wrong.

    A method that calls one of another name says it in its own.
    """
    package = import_module(f"services.{service}")
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        function = getattr(import_module(found.name), name, None)
        if inspect.isfunction(function):
            return inspect.getdoc(function) or ""
    return ""


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a docstring, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _errors(text: str) -> list[tuple[str, str]]:
    """The entries of the docstring's ``Raises`` section."""
    found: list[tuple[str, str]] = []
    for line in _section(text, "Raises"):
        name, colon, reason = line.partition(": ")
        if colon and name.isidentifier() and not line.startswith(" "):
            found.append((name, reason))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
    return found


def _section(text: str, name: str) -> list[str]:
    """The lines of one section of a docstring in Google's style, without their common indentation."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line == f"{name}:":
            inside = True
        elif inside and line and not line.startswith(INDENT):
            break
        elif inside and line:
            lines.append(line.removeprefix(INDENT))
    return lines
