"""The in-process broker for one test or module: it lives in this process, so whoever used it last must empty it."""

from __future__ import annotations

from contextlib import contextmanager

from infra.local import broker


@contextmanager
def inprocess_broker():
    """``memory://`` is the in-process broker and holds nothing; what is left in it afterwards is dropped."""
    broker.install()
    yield
    broker.Channel.queues.clear()
    broker.Channel.confirmations.clear()
    broker.Transport.global_state.clear()
