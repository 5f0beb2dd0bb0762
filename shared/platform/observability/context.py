"""What the work in hand is about: facts that stand in every line that is logged during it.

Each green thread, and each native one, has its own; a new one begins with none.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_facts: ContextVar[Mapping[str, Any]] = ContextVar("facts", default=_NOTHING)


def facts() -> Mapping[str, Any]:
    """What the work in hand is about."""
    return _facts.get()


def begin(about: Mapping[str, Any]) -> None:
    """From now on this green thread works on nothing else."""
    _facts.set(about)


@contextmanager
def about(**more: Any) -> Iterator[None]:
    """Adds facts while the block runs."""
    token = _facts.set({**_facts.get(), **more})
    try:
        yield
    finally:
        _facts.reset(token)
