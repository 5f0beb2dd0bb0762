"""Writes the pages of docs/ that list every method and every event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.describe.methods import every_offer, paragraphs
from services.cli.describe.wire import default_words, nested_schemas, wire_name, words
from shared.domain import CONTRACTS, topology
from shared.platform.schemas import PageResult

if TYPE_CHECKING:
    from marshmallow import Schema

    from services.cli.describe.methods import Offer
    from shared.platform.outbox.contract import Contract

MADE = "<!-- Made by `python -m services describe --write`; do not edit. -->"
EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "domain" / "examples"

METHODS_INTRODUCTION = """\
Every method takes its arguments by name and refuses those that are not listed. How a call goes over the wire, and
which errors every method may answer with, is in [rpc.md](rpc.md).

**Permission** is what the caller's token must hold: one of those listed, `anyone` (no token needed) or `signed in`
(any valid token). Where a permission is narrowed to regions, the method checks the region."""

EVENTS_INTRODUCTION = """\
What the body of each event holds. How events travel, which headers they have and how to subscribe is in
[events.md](events.md). Every field is always there; listeners must let pass fields that they do not know."""


def methods_page() -> str:
    """``docs/rpc-methods.md``."""
    parts = [f"{MADE}\n\n# RPC methods", METHODS_INTRODUCTION]
    for service, offers in every_offer().items():
        parts.append(f"## {service}")
        if not offers:
            parts.append("It answers no method yet.")
            continue
        parts.append(_overview(offers))
        parts += [_method(offer) for offer in offers]
        parts.append(_results(service, offers))
    return "\n\n".join(parts) + "\n"


def events_page() -> str:
    """``docs/event-data.md``."""
    parts = [f"{MADE}\n\n# Events", EVENTS_INTRODUCTION]
    for service in topology.SERVICES:
        contracts = [contract for (source, _), contract in CONTRACTS.items() if source == service]
        parts.append(f"## {service}\n\nExchange `{topology.exchange_of(service)}`.")
        parts += [_event(contract) for contract in contracts] or ["It emits no event yet."]
    return "\n\n".join(parts) + "\n"


def _overview(offers: list[Offer]) -> str:
    rows = [
        f"| [`{offer.name}`](#{offer.service}{offer.name}) | {_permission(offer)} | {_text(offer.summary)} |"
        for offer in offers
    ]
    return _table("| method | permission | what it does |", rows)


def _method(offer: Offer) -> str:
    described = offer.description
    parts = [f"### {offer.service}.{offer.name}"]
    if offer.summary:
        parts.append(_text(offer.summary))
    parts.append(f"Permission: {_permission(offer)}.")
    arguments = described.arguments()
    if arguments.fields:
        parts += ["Arguments: " + _about(described.arguments), _arguments(arguments)]
    else:
        parts.append("No arguments.")
    if described.result is None:
        parts.append("Returns null.")
    else:
        parts.append(f"Returns {_result_link(offer.service, described.result)}.")
    if described.emits:
        parts.append(f"Emits {', '.join(_event_link(offer.service, name) for name in described.emits)}.")
    if described.errors:
        parts.append("Errors:")
        parts.append("\n".join(f"- `{error.slug}`: {_text(error.message)}" for error in described.errors))
    return "\n\n".join(parts)


def _arguments(schema: Schema) -> str:
    rows = [
        f"| `{wire_name(field)}` | {'yes' if field.required else 'no'} |"
        f" {_cell(words(field))}{default_words(field)} |"
        for field in sorted(schema.fields.values(), key=lambda field: not field.required)
    ]
    return _table("| argument | required | value |", rows)


def _results(service: str, offers: list[Offer]) -> str:
    """The objects that the methods of a service return, each once."""
    found: dict[str, str] = {}
    for offer in offers:
        result = offer.description.result
        if result is None:
            continue
        for schema in (*nested_schemas(result()), result()):
            name = type(schema).__name__
            if name in found or isinstance(schema, PageResult):
                continue
            rows = [f"| `{wire_name(field)}` | {_cell(words(field))} |" for field in schema.fields.values()]
            found[name] = (
                f"#### {service} {name}\n\n{_about(type(schema))}\n\n{_table('| field | value |', rows)}"
            )
    return "\n\n".join([f"### What {service} returns", *(found[name] for name in sorted(found))])


def _result_link(service: str, result: type[Any]) -> str:
    if issubclass(result, PageResult):
        item = _link(service, result.item.__name__)
        return f"a page: `items`, a list of {item}, and `next_cursor`, null on the last page"
    return _link(service, result.__name__)


def _link(service: str, name: str) -> str:
    return f"[{name}](#{service}-{name.lower()})"


def _event(contract: Contract) -> str:
    rows = [f"| `{name}` | {_cell(words(field))} |" for name, field in contract.schema().fields.items()]
    example = (EXAMPLES / contract.source / f"{contract.name}.json").read_text(encoding="utf-8").strip()
    return (
        f"### {contract.source}.{contract.name}\n\n{_about(contract.schema)}\n\n"
        f"`dataschema`: `{contract.dataschema}`\n\n{_table('| field | value |', rows)}\n\n"
        f"```json\n{example}\n```"
    )


def _permission(offer: Offer) -> str:
    return " or ".join(
        f"`{name}`" if ":" in name or name == "*" else name for name in offer.description.permission
    )


def _event_link(service: str, name: str) -> str:
    return f"[`{name}`](event-data.md#{service}{name})"


def _about(schema: type[Any]) -> str:
    return "\n\n".join(_text(part) for part in paragraphs(schema.__doc__ or ""))


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, "|" + " --- |" * (head.count("|") - 1), *rows])


def _text(text: str) -> str:
    """A docstring's text as Markdown."""
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")
