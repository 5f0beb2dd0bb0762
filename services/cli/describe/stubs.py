"""Writes `shared/client/types`: what the client's services, methods and results are to editors and mypy."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from services.cli.describe.methods import every_offer, paragraphs
from services.cli.describe.wire import (
    argument_type,
    choice_name,
    choices,
    innermost,
    nested_schemas,
    result_type,
    wire_name,
)
from shared.domain import CONTRACTS
from shared.platform.schemas import Arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marshmallow import Schema

    from services.cli.describe.methods import Offer
    from shared.platform.outbox.contract import Contract

WIDTH = 110
MADE = "# Made by `python -m services describe --write`; do not edit."

TYPING = ("Any", "Literal", "NotRequired", "Protocol", "TypeAlias", "TypedDict")
ABSTRACT = ("Mapping", "Sequence")
CLIENT_IMPORTS: dict[str, Sequence[str]] = {
    "collections.abc": ABSTRACT,
    ".wire": ("Identifier", "Moment"),
}


def type_modules() -> dict[str, str]:
    """The source of every module of the package by its file name."""
    offers = every_offer()
    modules = {f"{name}.py": _module(name, offers[name]) for name in offers}
    return {
        "__init__.py": _package(offers),
        "methods.py": _contracts(offers),
        "events.py": _events(),
        **modules,
    }


def _package(services: dict[str, list[Offer]]) -> str:
    imports = "\n".join(f"    from .{name} import {_protocol(name)}" for name in sorted(services))
    attributes = "\n".join(f"    {name}: {_protocol(name)}" for name in services)
    return f'''"""The RPC methods as types: arguments, results and services, a module for each service."""

{MADE}

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
{imports}


class Services:
    """Something through which every method can be called: ``client.reports.create_report(...)``."""

{attributes}
'''


def _contracts(services: dict[str, list[Offer]]) -> str:
    listed = "".join(_contract(offer) for offers in services.values() for offer in offers)
    return f'''"""Every method with its permission and its refusals, by ``service.method``."""

{MADE}

from __future__ import annotations

from typing import Final

from ..methods import MethodContract

METHODS: Final[dict[str, MethodContract]] = {{
{listed}}}
'''


def _events() -> str:
    body = "\n\n\n".join(_event(contract) for contract in CONTRACTS.values())
    return f'''"""The events of the services, with their data as JSON has it."""

{MADE}

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

from ..events import Event


{body}
'''


def _event(contract: Contract) -> str:
    name = "".join(part.title() for part in contract.name.split("_"))
    schema = contract.schema()
    parts = [
        source
        for nested in nested_schemas(schema)
        for source in [
            typed_dict(type(nested), {wire_name(f): result_type(f) for f in nested.fields.values()})
        ]
    ]
    members = "\n".join(f"    {wire_name(found)}: {result_type(found)}" for found in schema.fields.values())
    about = _docstring(paragraphs(contract.schema.__doc__ or ""), "    ")
    parts.append(f'class {name}Data(TypedDict):\n    """The data of a `{name}`."""\n\n{members}')
    parts.append(
        f"class {name}(Event[{name}Data]):\n{about}\n\n"
        f'    source: ClassVar[str] = "{contract.source}"\n    type: ClassVar[str] = "{contract.name}"'
    )
    return "\n\n\n".join(parts)


def _contract(offer: Offer) -> str:
    members = (offer.summary, offer.description.permission, _reasons(offer))
    lines = "".join(f"        {member!r},\n" for member in members)
    return f'    "{offer.service}.{offer.name}": MethodContract(\n{lines}    ),\n'


def _reasons(offer: Offer) -> dict[str, str]:
    """Return when the method refuses, by the slug of the error."""
    return {error.slug: error.message for error in offer.description.errors}


def _module(service: str, offers: list[Offer]) -> str:
    listed = "\n".join(choice_aliases(offers).values())
    objects = "\n\n\n".join(([listed] if listed else []) + list(_objects(offers).values()))
    methods = "\n\n".join(_method(offer) for offer in offers) or "    ..."
    protocol = f'class {_protocol(service)}(Protocol):\n    """The methods of {service}."""\n\n{methods}\n'
    body = f"{objects}\n\n\n{protocol}" if objects else protocol
    return f'''"""What the methods of {service} take and return."""

{MADE}

from __future__ import annotations

{imports(body, CLIENT_IMPORTS)}

{body}'''


def imports(body: str, modules: dict[str, Sequence[str]]) -> str:
    """Return the imports of what the body names: of `typing`, and for type checkers alone of the modules given."""

    def used(names: Sequence[str]) -> str:
        code = re.sub(r'""".*?"""', "", body, flags=re.DOTALL)
        return ", ".join(name for name in names if re.search(rf"\b{name}\b", code))

    guarded = [
        f"    from {module} import {used(names)}\n" for module, names in modules.items() if used(names)
    ]
    typing = ("TYPE_CHECKING, " if guarded else "") + used(TYPING)
    block = "\nif TYPE_CHECKING:\n" + "".join(guarded) if guarded else ""
    return f"from typing import {typing}\n{block}"


def choice_aliases(offers: list[Offer]) -> dict[str, str]:
    """Return the source of an alias for every set of texts of which an argument is one, by its name."""
    found: dict[str, str] = {}
    for offer in offers:
        arguments = offer.description.arguments()
        for schema in (arguments, *nested_schemas(arguments)):
            for field in map(innermost, schema.fields.values()):
                if choices(field):
                    listed = ", ".join(f'"{choice}"' for choice in choices(field))
                    add(
                        found,
                        choice_name(field),
                        f"{choice_name(field)}: TypeAlias = Literal[{listed}]",
                        offer,
                    )
    return found


def _objects(offers: list[Offer]) -> dict[str, str]:
    """The source of a TypedDict for every result, and for every object inside arguments, by its name."""
    found: dict[str, str] = {}
    for offer in offers:
        described = offer.description
        schemas: list[Schema] = nested_schemas(described.arguments())
        if described.result is not None:
            schemas += [*nested_schemas(described.result()), described.result()]
        for schema in schemas:
            add(found, type(schema).__name__, _typed_dict(schema), offer)
    return found


def add(found: dict[str, str], name: str, source: str, offer: Offer) -> None:
    """Add the source of a type by its name.

    Raises:
        ValueError: Another type has the name.
    """
    if found.setdefault(name, source) != source:
        raise ValueError(
            f"{offer.service} gives the name {name} to two things: give one of them its own class"
        )


def typed_dict(schema: type[Schema], members: dict[str, str]) -> str:
    """Return the source of the TypedDict of a schema, with its docstring and the types of its members by name."""
    lines = [f"class {schema.__name__}(TypedDict):"]
    if schema.__doc__:
        lines += [_docstring(paragraphs(schema.__doc__), "    "), ""]
    return "\n".join(lines + [f"    {name}: {kind}" for name, kind in members.items()])


def _typed_dict(schema: Schema) -> str:
    members = {}
    for field in schema.fields.values():
        if isinstance(schema, Arguments):
            kind = argument_type(field)
            members[wire_name(field)] = kind if field.required else f"NotRequired[{kind}]"
        else:
            members[wire_name(field)] = result_type(field)
    return typed_dict(type(schema), members)


def _method(offer: Offer) -> str:
    described = offer.description
    declared = described.arguments().fields.values()
    arguments = [
        f"        {wire_name(field)}: {argument_type(field)},\n" for field in declared if field.required
    ] + [
        f"        {wire_name(field)}: {argument_type(field)} = ...,\n"
        for field in declared
        if not field.required
    ]
    listed = f"\n        self,\n        *,\n{''.join(arguments)}    " if arguments else "self"
    result = described.result.__name__ if described.result is not None else "None"
    text = [offer.summary or _about(described.arguments), f"Needs: {' or '.join(described.permission)}."]
    return f"    def {offer.name}({listed}) -> {result}:\n{_docstring(text, '        ')}"


def _about(schema: type[Any]) -> str:
    return paragraphs(schema.__doc__ or "")[0]


def _docstring(parts: list[str], indent: str) -> str:
    wrapped = [textwrap.fill(part, WIDTH - len(indent) - 3, break_long_words=False) for part in parts]
    text = textwrap.indent('"""' + "\n\n".join(wrapped), indent)
    if len(parts) == 1 and "\n" not in text and len(text) + 3 <= WIDTH:
        return text + '"""'
    return f'{text}\n{indent}"""'


def _protocol(service: str) -> str:
    return f"{service.capitalize()}Methods"
