"""nameko's service container with a leaner worker."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from nameko.containers import ServiceContainer

from shared.client import deadline
from shared.platform.concurrency import GreenletExit
from shared.platform.observability import context

if TYPE_CHECKING:
    from types import TracebackType

CONTAINER = f"{__name__}.Container"
"""For nameko's setting ``SERVICE_CONTAINER_CLS``."""

logger = logging.getLogger(__name__)


class WorkerEnded(Exception):
    """A worker raised what is meant to end a process or a greenlet, such as SystemExit: a fault like any other."""


class Container(ServiceContainer):
    """Runs a worker as nameko does, in the same order, without what costs a tenth of an RPC call.

    nameko makes a call id, joins the stack of ids and times five stages for each worker, for debug messages that
    nobody reads; our calls carry their own correlation id. A worker's context data are what its log lines are about.
    """

    def _run_worker(self, worker_ctx: Any, handle_result: Any) -> None:
        deadline.begin(math.inf)
        context.begin(
            worker_ctx.data or {"service": self.service_name, "method": worker_ctx.entrypoint.method_name}
        )
        for provider in self.dependencies:
            setattr(worker_ctx.service, provider.attr_name, provider.get_dependency(worker_ctx))
        self._worker_setup(worker_ctx)
        result: Any = None
        exc_info: Any = None
        try:
            method = getattr(worker_ctx.service, worker_ctx.entrypoint.method_name)
            result = method(*worker_ctx.args, **worker_ctx.kwargs)
        # SystemExit or a bare eventlet.Timeout is no Exception. Past here it would end the worker without settling its
        # message, and the former the process as well.
        except BaseException as error:
            if isinstance(error, GreenletExit) and self._being_killed:
                raise
            logger.exception("%r failed", worker_ctx)
            exc_info = _fault(error)
        if handle_result is not None:
            result, exc_info = handle_result(worker_ctx, result, exc_info)
        self._worker_result(worker_ctx, result, exc_info)
        # The traceback refers to this frame; without it, all of it can go at once.
        del exc_info
        self._worker_teardown(worker_ctx)


def _fault(error: BaseException) -> tuple[type[Exception], Exception, TracebackType | None]:
    """Return the error as `sys.exc_info` would, and one that is no Exception as a `WorkerEnded`."""
    fault = error if isinstance(error, Exception) else WorkerEnded(repr(error))
    return type(fault), fault, error.__traceback__
