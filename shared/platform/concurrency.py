"""Makes the process cooperative; import it before anything else.

nameko runs on eventlet: sockets, locks and threads of the standard library must be patched before any other
module takes a reference to them, and psycopg chooses how it waits when it is first imported. Without
``wait_selector`` one query blocks every greenlet of the process.
"""

import os
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

if "psycopg" in sys.modules:
    raise ImportError(
        "psycopg was imported before shared.platform.concurrency: each query would stop the whole process"
    )

import eventlet
from eventlet import tpool

eventlet.monkey_patch()
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"

P = ParamSpec("P")
T = TypeVar("T")


def run_blocking(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work that holds its thread, such as hashing or geometry, in a native thread while the others go on."""
    return tpool.execute(work, *args, **kwargs)  # type: ignore[no-any-return]  # eventlet is untyped
