"""The errors that a caller can meet: a fixed set, each with a stable slug.

These are the only exceptions whose text crosses a process. Everything else reaches a caller as `Internal`
with the correlation id under which the details were logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Fields = dict[str, list[str]]


class ImpactXError(Exception):
    """The base of the fixed set.

    Args:
        message: One sentence for a person; the class's docstring when omitted.
        fields: For each input at fault, by dotted name (``location.coordinates``), what is wrong with it.
        details: Further facts, which must be JSON (``legal=["confirmed"]``, ``remaining=3``).
    """

    slug: ClassVar[str]

    def __init__(
        self, message: str = "", *, fields: Mapping[str, Sequence[str]] | None = None, **details: Any
    ) -> None:
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.fields: Fields = {name: list(problems) for name, problems in (fields or {}).items()}
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        """The message, and behind it every field with its problems: what a log or a terminal should show."""
        problems = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in self.fields.items())
        return f"{self.message} ({problems})" if problems else self.message


class Invalid(ImpactXError):
    """Some input is wrong."""

    slug = "invalid"

    def __init__(
        self, message: str = "", *, fields: Mapping[str, Sequence[str]] | None = None, **details: Any
    ) -> None:
        # Callers that show the message alone, as plain nameko ones do, still learn which input it is.
        if fields and not message:
            message = f"Some input is wrong: {', '.join(sorted(fields))}."
        super().__init__(message, fields=fields, **details)


class Unauthenticated(ImpactXError):
    """Sign in first: the token is missing, expired or not genuine."""

    slug = "unauthenticated"


class Forbidden(ImpactXError):
    """You are signed in but may not do this."""

    slug = "forbidden"


class NotFound(ImpactXError):
    """There is no such thing, or you may not see it."""

    slug = "not_found"


class Conflict(ImpactXError):
    """The state of the thing does not allow this."""

    slug = "conflict"


class TooLarge(ImpactXError):
    """The input is larger than is accepted."""

    slug = "too_large"


class RateLimited(ImpactXError):
    """Too many attempts; wait before the next one."""

    slug = "rate_limited"


class Unavailable(ImpactXError):
    """The service cannot answer now; trying again later may help."""

    slug = "unavailable"


class RpcTimeout(ImpactXError):
    """No answer came in time; whether the call took effect is not known."""

    slug = "timeout"


class Internal(ImpactXError):
    """The service has a fault; a repeat would meet it again."""

    slug = "internal"


BY_SLUG: dict[str, type[ImpactXError]] = {
    error.slug: error
    for error in (
        Invalid,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        RateLimited,
        Unavailable,
        RpcTimeout,
        Internal,
    )
}


def to_wire(error: ImpactXError) -> dict[str, Any]:
    """The error as the body of an RPC reply carries it.

    The first four keys are nameko's own, so that a plain nameko caller gets a ``RemoteError`` with our class's
    name and message; the rest is what `from_wire` and callers in other languages read.
    """
    return {
        "exc_type": type(error).__name__,
        "exc_path": f"{type(error).__module__}.{type(error).__name__}",
        "exc_args": [error.message],
        "value": str(error),
        "slug": error.slug,
        "message": error.message,
        "fields": error.fields,
        "details": error.details,
    }


def from_wire(error: Mapping[str, Any]) -> ImpactXError:
    """Return the exception for the ``error`` of an RPC reply.

    One that is not of the fixed set, such as the exception of a plain nameko service, is `Internal`: nothing is known
    of it that would make a repeat worth while.
    """
    kind = BY_SLUG.get(str(error.get("slug")))
    if kind is None:
        return Internal(f"The service failed with {error.get('exc_type', 'an unknown error')}.")
    arrived = kind(error.get("message", ""), fields=error.get("fields") or {})
    # Not as keyword arguments: another system's service may name a detail as the constructor names its own.
    arrived.details = dict(error.get("details") or {})
    return arrived
