"""The decorator of RPC methods. It declares permission, arguments, result, errors and events of a method.

The steps of a call are: verify the token, check the permission, load the arguments, run the method, dump the result.
Every method must declare a permission, so access is denied by default.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from nameko.extensions import register_entrypoint
from sqlalchemy.exc import SQLAlchemyError

from shared.client import deadline
from shared.client.errors import (
    Forbidden,
    ImpactXError,
    RpcTimeout,
    Unauthenticated,
    Unavailable,
    to_wire,
)
from shared.platform.concurrency import Timeout
from shared.platform.db.errors import is_transient
from shared.platform.observability import metrics
from shared.platform.rpc.server import Method, TooLate, failure
from shared.platform.schemas import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.client.request import Request
    from shared.platform.rpc.context import Caller
    from shared.platform.rpc.verification import Verification
    from shared.platform.schemas import Arguments, Result

logger = logging.getLogger(__name__)

ANYONE: Final = "anyone"
"""The permission of methods that need no token. Without one, the caller is None. Invalid tokens are rejected."""

SIGNED_IN: Final = "signed in"
"""The permission of methods for every caller with a valid token."""

MethodFunction = TypeVar("MethodFunction", bound="Callable[..., Any]")


@dataclass(frozen=True, slots=True)
class Description:
    """The declaration of a method, from which checks and documentation are made.

    Attributes:
        name: The name of the method.
        permission: The permissions of which one is needed, or `ANYONE` or `SIGNED_IN` alone.
        arguments: The schema of the arguments.
        result: The schema of the result; None where the method returns nothing.
        errors: The errors that the method answers with besides those that every method can answer with. The message
            of each says when.
        emits: The names of the events that a call can emit.
        summary: The first line of the docstring.
        checks_present_state: Whether the permissions of the caller at this moment count, and not those of its token.
    """

    name: str
    permission: tuple[str, ...]
    arguments: type[Arguments]
    result: type[Result] | None
    errors: tuple[ImpactXError, ...]
    emits: tuple[str, ...]
    summary: str
    checks_present_state: bool = False


def operation(
    *,
    permission: str | tuple[str, ...],
    arguments: type[Arguments],
    result: type[Result] | None = None,
    errors: tuple[type[ImpactXError] | ImpactXError, ...] = (),
    emits: tuple[str, ...] = (),
    checks_present_state: bool = False,
) -> Callable[[MethodFunction], MethodFunction]:
    """Make a method of a service class callable by RPC.

    The method is called as ``method(self, caller, **arguments)`` with the loaded arguments. The check here is
    whether the caller holds the permission anywhere at all; a method whose permission may be narrowed to regions
    checks the region itself, with `Caller.require`.

    Args:
        permission: ``thing:verb``, several of which any suffices, or `ANYONE` or `SIGNED_IN`.
        arguments: The schema of the arguments.
        result: The schema of the result; None where the method returns nothing.
        errors: The errors that the method answers with besides those that every method can answer with: a class, or
            where its own text does not say enough, ``Conflict("The email address is taken.")``.
        emits: The names of the events that a call can emit; each has a contract in `shared.domain`.
        checks_present_state: For what does harm that cannot be undone. Identity is asked first, and the method runs
            with the permissions that the caller has at this moment; while identity cannot be asked it is not run.
    """
    permissions = (permission,) if isinstance(permission, str) else permission
    refusals = tuple(error() if isinstance(error, type) else error for error in errors)

    def decorate(method: MethodFunction) -> MethodFunction:
        summary = (method.__doc__ or "").partition("\n")[0]
        description = Description(
            method.__name__, permissions, arguments, result, refusals, emits, summary, checks_present_state
        )
        loader = arguments()
        dumper = result() if result is not None else None

        @wraps(method)
        def answer(service: Any, request: Request, verification: Verification) -> dict[str, Any]:
            deadline.begin(request.due)
            try:
                if deadline.left() <= 0:
                    metrics.rpc_late_requests.labels(service.name).inc()
                    raise TooLate  # noqa: TRY301 - one way out for all refusals
                caller = _authorised(request, verification, permissions)
                given = load(loader, request.arguments)
                if checks_present_state and caller is not None:
                    caller = verification.present(caller)
                    _require(caller, permissions)
                outcome = method(service, caller, **given)
            # A Timeout is not an Exception. If it were not caught here, the caller would get no reply.
            except (Exception, Timeout) as error:  # noqa: BLE001 - each becomes one of the fixed set
                return {
                    "result": None,
                    "error": to_wire(_public(error, method.__name__, request.correlation_id)),
                }
            return {"result": dumper.dump(outcome) if dumper is not None else None, "error": None}

        register_entrypoint(answer, Method(description))
        return cast("MethodFunction", answer)

    return decorate


def _authorised(request: Request, verification: Verification, permissions: tuple[str, ...]) -> Caller | None:
    if not request.token:
        if ANYONE in permissions:
            return None
        raise Unauthenticated
    caller = verification.verify(request.token, request.correlation_id)
    _require(caller, permissions)
    return caller


def _require(caller: Caller, permissions: tuple[str, ...]) -> None:
    if ANYONE in permissions or SIGNED_IN in permissions or any(caller.may(one) for one in permissions):
        return
    raise Forbidden(f"This needs the permission {' or '.join(permissions)}.", permission=list(permissions))


def _public(error: Exception | Timeout, method: str, correlation_id: str) -> ImpactXError:
    """Return the error for the caller. Unexpected errors are logged, and the caller learns only that there was one."""
    if isinstance(error, ImpactXError):
        return error
    if is_transient(error):
        if deadline.left() <= 0:
            return RpcTimeout("The time limit of the call expired before the service had finished.")
        logger.warning("%s: %s", method, error)
        return Unavailable(
            "The database is not available at the moment. Try again.", correlation_id=correlation_id
        )
    text = "the database refused" if isinstance(error, SQLAlchemyError) else "failed"
    logger.error("%s %s", method, text, exc_info=error)
    return failure(correlation_id)
