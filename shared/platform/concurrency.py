"""Makes the process cooperative; import it before anything else.

nameko runs on eventlet: sockets, locks and threads of the standard library must be patched before any other
module takes a reference to them, and psycopg chooses how it waits when it is first imported. Without
``wait_selector`` one query blocks every greenlet of the process.
"""

import os
import sys

if "psycopg" in sys.modules:
    raise ImportError(
        "psycopg was imported before shared.platform.concurrency: each query would stop the whole process"
    )

import eventlet

eventlet.monkey_patch()
os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"
