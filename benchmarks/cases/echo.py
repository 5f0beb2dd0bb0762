"""An RPC call that does nothing, beside the same by nameko alone."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import OURS, STOCK, Result, Scale, Target, contest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stage import Stage

OUTSTANDING = 64
ONE_BY_ONE = 6
"""One at a time they are that many times fewer."""


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """With 64 calls outstanding, and one at a time."""

    def rate(method: str, calls: int, outstanding: int) -> float:
        began = time.perf_counter()
        answers = stage.anybody.results(
            method, itertools.repeat({"x": "hello"}, calls), outstanding=outstanding
        )
        for answer in answers:
            if answer != {"x": "hello"}:
                raise AssertionError(answer)
        return calls / (time.perf_counter() - began)

    methods = {STOCK: "stock.echo", OURS: "echo.echo"}
    yield contest(
        f"RPC echo, {OUTSTANDING} outstanding",
        "calls/s",
        scale.rounds,
        {name: partial(rate, method, scale.calls, OUTSTANDING) for name, method in methods.items()},
        ratios=[(OURS, STOCK)],
        targets=[Target(OURS, 2.0, STOCK)],
    )
    yield contest(
        "RPC echo, one at a time",
        "calls/s",
        scale.rounds,
        {name: partial(rate, method, scale.calls // ONE_BY_ONE, 1) for name, method in methods.items()},
        ratios=[(OURS, STOCK)],
    )
