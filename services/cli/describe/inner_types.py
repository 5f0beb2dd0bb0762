"""Writes `services/<service>/schemas/types.py`: what arguments and results are inside of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import missing

from services.cli.describe.methods import every_offer
from services.cli.describe.stubs import ABSTRACT, MADE, add, choice_aliases, imports, typed_dict
from services.cli.describe.wire import inner_name, loaded_class, loaded_type, nested_schemas, row_type
from shared.platform.schemas import Arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marshmallow import Schema

    from services.cli.describe.methods import Offer


def schema_types() -> dict[str, str]:
    """Return the source of the module of each service that offers a method."""
    return {service: _module(service, offers) for service, offers in every_offer().items() if offers}


def _module(service: str, offers: list[Offer]) -> str:
    body = "\n\n\n".join(["\n".join(choice_aliases(offers).values()), *_objects(offers).values()]).lstrip()
    return f'''"""What the methods of {service} get as arguments, once loaded, and return, before it is dumped."""

{MADE}

from __future__ import annotations

{imports(body, _imports(offers))}

{body}
'''


def _objects(offers: list[Offer]) -> dict[str, str]:
    """Return the source of a TypedDict for each schema of arguments and of results, by its name."""
    found: dict[str, str] = {}
    for offer in offers:
        for schema in _schemas(offer):
            if schema.fields and not loaded_class(schema):
                add(found, type(schema).__name__, _typed_dict(schema), offer)
    return found


def _typed_dict(schema: Schema) -> str:
    members = {}
    for field in schema.fields.values():
        if isinstance(schema, Arguments):
            kind = loaded_type(field)
            is_given = field.required or field.load_default is not missing
            members[inner_name(field)] = kind if is_given else f"NotRequired[{kind}]"
        else:
            members[inner_name(field)] = row_type(field)
    return typed_dict(type(schema), members)


def _imports(offers: list[Offer]) -> dict[str, Sequence[str]]:
    """Return the names to import by their modules; of the classes that schemas load as, the modules they are in."""
    loaded = [loaded_class(schema) for offer in offers for schema in _schemas(offer)]
    own = sorted({kind.__module__ for kind in loaded if kind is not None})
    packages: dict[str, Sequence[str]] = {}
    for module in own:
        package, _, name = module.rpartition(".")
        packages[package] = (*packages.get(package, ()), name)
    return {"collections.abc": ABSTRACT, "datetime": ("datetime",), "uuid": ("UUID",), **packages}


def _schemas(offer: Offer) -> list[Schema]:
    """Return the schemas of the arguments and the result of a method, those inside of others first."""
    described = offer.description
    tops = [described.arguments()] + ([described.result()] if described.result is not None else [])
    return [schema for top in tops for schema in (*nested_schemas(top), top)]
