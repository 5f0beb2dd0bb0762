"""What a marshmallow field is: on the wire as a type for Python callers, inside a service, and in words."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar, get_args, get_type_hints

from marshmallow import Schema, fields, missing, validate

from services.cli.describe.methods import paragraphs
from shared.domain.geo_filters import Area, Box
from shared.platform import schemas
from shared.platform.schemas import Choice, OneOrList

OBJECT = "Mapping[str, Any]"

ARGUMENT_TYPES: dict[type[Any], str] = {
    schemas.Identifier: "Identifier",
    schemas.Timestamp: "Moment",
    schemas.Location: OBJECT,
    Box: "Sequence[float]",
    Area: OBJECT,
    fields.String: "str",
    fields.Integer: "int",
    fields.Float: "float",
    fields.Boolean: "bool",
    fields.Dict: OBJECT,
}
RESULT_TYPES: dict[type[Any], str] = {
    schemas.Identifier: "str",
    schemas.Timestamp: "str",
    fields.String: "str",
    fields.Integer: "int",
    fields.Float: "float",
    fields.Boolean: "bool",
    fields.Dict: "dict[str, Any]",
}
ROW_TYPES: dict[type[Any], str] = {
    schemas.Timestamp: "datetime",
    fields.Dict: OBJECT,
}
"""Of fields whose base does not say it: `Timestamp` derives from ``Field[dt.datetime]``."""

LOADED_ARGUMENTS: dict[Any, str] = {float: "float", dict[str, Any]: OBJECT, bytes: "str"}
LOADED_RESULTS: dict[Any, str] = {float: "float", dict[str, Any]: "dict[str, Any]", bytes: "str"}
"""Of fields that derive from ``Field[...]`` directly, by what they load as."""

MAX_INTEGER = 2**31 - 1
"""PostgreSQL's; as a bound it says nothing to a caller."""

WORDS: dict[type[Any], str] = {
    schemas.Identifier: "UUID",
    schemas.Timestamp: "time, RFC 3339 with an offset",
    schemas.Location: "GeoJSON `Point`, with an optional `address`",
    fields.Boolean: "true or false",
    fields.Dict: "object",
    fields.Integer: "whole number",
    fields.Float: "number",
    fields.String: "text",
    fields.Raw: "any JSON",
}


def argument_type(field: fields.Field[Any]) -> str:
    """Return the type of an argument as a caller passes it."""
    if isinstance(field, fields.List):
        found = f"Sequence[{argument_type(field.inner)}]"
    elif isinstance(field, OneOrList):
        inner = argument_type(field.inner)
        found = f"{inner} | Sequence[{inner}]"
    elif isinstance(field, fields.Nested):
        found = field.schema.__class__.__name__
    elif choices(field):
        found = choice_name(field)
    else:
        found = _by_class(field, ARGUMENT_TYPES) or LOADED_ARGUMENTS.get(_loaded(field), "Any")
    return _nullable(field, found)


def result_type(field: fields.Field[Any]) -> str:
    """Return the type of a member of a result as a caller gets it, which is a type of JSON."""
    if isinstance(field, fields.List):
        found = f"list[{result_type(field.inner)}]"
    elif isinstance(field, fields.Nested):
        found = field.schema.__class__.__name__
    else:
        found = _by_class(field, RESULT_TYPES) or LOADED_RESULTS.get(_loaded(field), "Any")
    return _nullable(field, found)


def loaded_type(field: fields.Field[Any]) -> str:
    """Return the type of an argument in a service, after the schema has loaded it."""
    if isinstance(field, fields.List | OneOrList):
        found = f"list[{loaded_type(field.inner)}]"
    elif isinstance(field, fields.Nested):
        made = loaded_class(field.schema)
        found = field.schema.__class__.__name__ if made is None else qualified_name(made)
    elif choices(field):
        found = choice_name(field)
    else:
        found = _by_class(field, ROW_TYPES) or _written(_loaded(field))
    return _nullable(field, found)


def row_type(field: fields.Field[Any]) -> str:
    """Return the type of a member of a result in a service, before the schema dumps it."""
    if isinstance(field, fields.List):
        found = f"Sequence[{row_type(field.inner)}]"
    elif isinstance(field, fields.Nested):
        found = field.schema.__class__.__name__
    else:
        found = _by_class(field, ROW_TYPES) or _written(_loaded(field))
    return _nullable(field, found)


def loaded_class(schema: Schema) -> type[Any] | None:
    """Return the class that a ``post_load`` hook of the schema makes of its arguments, if there is one."""
    for name, _, _ in schema._hooks["post_load"]:  # noqa: SLF001 - marshmallow has no other way to ask
        made = get_type_hints(getattr(schema, name)).get("return")
        if isinstance(made, type):
            return made
    return None


def qualified_name(kind: type[Any]) -> str:
    """Return the name of a class behind that of its module, which tells it from a schema of the same name."""
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"


def nested_schemas(schema: Schema) -> list[Schema]:
    """Return the schemas of the objects inside of a schema, innermost first."""
    found: list[Schema] = []
    for field in schema.fields.values():
        inner = innermost(field)
        if isinstance(inner, fields.Nested):
            found += [*nested_schemas(inner.schema), inner.schema]
    return found


def innermost(field: fields.Field[Any]) -> fields.Field[Any]:
    """Return the field of the items, where a field holds a list."""
    while isinstance(field, fields.List | OneOrList):
        field = field.inner
    return field


def choice_name(field: fields.Field[Any]) -> str:
    """Return the name of the type of a field with listed choices: that of its own class, or of the field."""
    kind = type(field)
    if kind not in (fields.String, schemas.Text, Choice):
        return kind.__name__
    return "".join(part.capitalize() for part in wire_name(field).split("_"))


def words(field: fields.Field[Any]) -> str:
    """Return what a field holds, in words."""
    if isinstance(field, fields.List):
        found = f"list of {_count(field)}({words(field.inner)})"
    elif isinstance(field, OneOrList):
        found = f"{words(field.inner)}; or a list of these"
    elif isinstance(field, fields.Nested):
        found = f"object: {_members(field.schema)}"
    elif choices(field):
        found = "one of " + ", ".join(f"`{choice}`" for choice in choices(field))
    else:
        found = _plain_words(field)
    return f"{found}; may be null" if field.allow_none else found


def default_words(field: fields.Field[Any]) -> str:
    """Return `` (default …)`` where an argument has a plain default."""
    default = field.load_default
    if default is missing or default is None or callable(default):
        return ""
    return f" (default `{str(default).lower() if isinstance(default, bool) else default}`)"


def choices(field: fields.Field[Any]) -> tuple[str, ...]:
    """Return the texts of which a field holds one, where they are listed."""
    for validator in field.validators:
        if isinstance(validator, validate.OneOf):
            return tuple(str(choice) for choice in validator.choices)
    return ()


def _plain_words(field: fields.Field[Any]) -> str:
    kind = type(field)
    if isinstance(field, schemas.Number):
        return f"number, {field.min_value:.15g} to {field.max_value:.15g}"
    for validator in field.validators:
        if isinstance(validator, validate.Range):
            return _whole_number(validator)
    if isinstance(field, schemas.Text) and kind is schemas.Text:
        return f"text of at most {field.max_length} characters"
    if kind in WORDS:
        return WORDS[kind]
    # A field of a service's own says in its docstring what it takes, some with a list of what that may be.
    said = " ".join(paragraphs(inspect.getdoc(kind) or "")).replace(" - ``", " ``").rstrip(".")
    return said[:1].lower() + said[1:] if said[1:2].islower() or said[1:2] == " " else said


def _whole_number(bounds: validate.Range) -> str:
    min_value, max_value = bounds.min, bounds.max
    if max_value != MAX_INTEGER:
        return f"whole number, {min_value} to {max_value}"
    return "whole number" if min_value == -MAX_INTEGER else f"whole number, at least {min_value}"


def _members(schema: Schema) -> str:
    return ", ".join(f"`{wire_name(field)}` {words(field)}" for field in schema.fields.values())


def wire_name(field: fields.Field[Any]) -> str:
    """Return the name of the field on the wire."""
    return field.data_key or str(field.name)


def inner_name(field: fields.Field[Any]) -> str:
    """Return the name of the field in what a schema loads, and in the rows that it dumps."""
    return field.attribute or str(field.name)


def _written(kind: Any) -> str:
    """Return how a type is written in a module that imports its names; `Any` where there is none."""
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return "Any" if kind is None or isinstance(kind, TypeVar) else str(kind).replace("typing.", "")


def _count(field: fields.Field[Any]) -> str:
    for validator in field.validators:
        if isinstance(validator, validate.Length) and validator.max is not None:
            return f"{validator.min} to {validator.max} " if validator.min else f"up to {validator.max} "
    return ""


def _by_class(field: fields.Field[Any], types: dict[type[Any], str]) -> str:
    return next((types[kind] for kind in type(field).__mro__ if kind in types), "")


def _loaded(field: fields.Field[Any]) -> Any:
    """What stands in the brackets of the ``Field[...]`` that the class, or one above it, derives from."""
    for kind in type(field).__mro__:
        for base in getattr(kind, "__orig_bases__", ()):
            if get_args(base) and kind is not fields.Field:
                return get_args(base)[0]
    return None


def _nullable(field: fields.Field[Any], found: str) -> str:
    return f"{found} | None" if field.allow_none and found != "Any" else found
