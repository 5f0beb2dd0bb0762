"""Reports over HTTP, beside the RPC alone and beside a bare Flask application; and what many listeners hear."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from benchmarks.cases import samples
from benchmarks.cases.create import HISTORIES
from benchmarks.connections import Connections, request
from benchmarks.measure import OURS, Result, Scale, contest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stage import Stage

OUTSTANDING = 32
"""Requests under way at once, each on a connection of its own, and calls in the cases by RPC."""

BY_RPC, BARE = "RPC alone", "bare Flask, SQLAlchemy"
MAX_EVENTS = 5


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """The gateway and the bare application are one process each; the RPC is made by the load itself."""
    with (
        stage.gateway() as gateway,
        stage.bare() as bare,
        Connections(gateway, OUTSTANDING) as ours,
        Connections(bare, OUTSTANDING) as theirs,
    ):
        yield _reading(stage, scale, ours, theirs)
        yield _filing(stage, scale, ours, theirs)
        with Connections(gateway, scale.listeners) as listening:
            yield _listening(stage, scale, listening)


def _reading(stage: Stage, scale: Scale, ours: Connections, theirs: Connections) -> Result:
    report = stage.administrator.call("reports.create_report", **samples.report(1, stage.ids))
    (stored,) = theirs.answers(
        [request("POST", "/reports", {}, samples.report(1, stage.ids) | _author(stage))]
    )
    path = f"/reports/{report['id']}"
    asked = request("GET", f"/api/v1{path}", stage.bearer)
    asked_bare = request("GET", f"/reports/{orjson.loads(stored)['id']}", {})

    def by_rpc() -> float:
        calls = ({"report_id": report["id"]} for _ in range(scale.requests))
        return _rate(
            stage.administrator.results("reports.get_report", calls, outstanding=OUTSTANDING), scale.requests
        )

    return contest(
        f"GET a report, {OUTSTANDING} outstanding",
        "requests/s",
        scale.rounds,
        {
            BARE: lambda: _rate(theirs.answers([asked_bare] * scale.requests), scale.requests),
            BY_RPC: by_rpc,
            OURS: lambda: _rate(ours.answers([asked] * scale.requests), scale.requests),
        },
        ratios=[(OURS, BY_RPC), (OURS, BARE)],
    )


def _filing(stage: Stage, scale: Scale, ours: Connections, theirs: Connections) -> Result:
    reports = [samples.report(number, stage.ids) for number in range(scale.requests)]
    asked = [request("POST", "/api/v1/reports", stage.bearer, report) for report in reports]
    asked_bare = [request("POST", "/reports", {}, report | _author(stage)) for report in reports]
    history = HISTORIES["reports"]

    def settled(answers: Iterator[object]) -> float:
        before = stage.value(stage.database, f"SELECT count(*) FROM {history}")
        rate = _rate(answers, scale.requests)
        stage.wait_for_rows(history, before + scale.requests)
        return rate

    return contest(
        f"POST a report, {OUTSTANDING} outstanding",
        "requests/s",
        scale.rounds,
        {
            BARE: lambda: _rate(theirs.answers(asked_bare), scale.requests),
            BY_RPC: lambda: settled(
                stage.administrator.results("reports.create_report", reports, outstanding=OUTSTANDING)
            ),
            OURS: lambda: settled(ours.answers(asked)),
        },
        ratios=[(OURS, BY_RPC), (OURS, BARE)],
    )


def _listening(stage: Stage, scale: Scale, listening: Connections) -> Result:
    """From the call that files a report until the last of the listeners has its event."""
    listening.listen(request("GET", "/api/v1/stream?type=report_created", stage.bearer))

    def last_listener() -> float:
        began = time.perf_counter()
        report = stage.administrator.call("reports.create_report", **samples.report(1, stage.ids))
        return (listening.heard(report["id"].encode()) - began) * 1000

    return contest(
        f"From the call that files a report to the last of {scale.listeners:,} listeners",
        "ms",
        min(scale.rounds, MAX_EVENTS),
        {OURS: last_listener},
        ratios=[],
    )


def _author(stage: Stage) -> dict[str, str]:
    return {"user_id": stage.ids["user_id"]}


def _rate(answers: Iterator[object], expected: int) -> float:
    began = time.perf_counter()
    came = sum(1 for _ in answers)
    if came != expected:
        raise AssertionError(f"{came} answers, not {expected}")
    return came / (time.perf_counter() - began)
