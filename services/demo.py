"""The main job, step by step, as another system would do it: by RPC."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared.errors import ImpactXError, RpcTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.contracts.api.identity import Region
    from shared.contracts.api.reports import HistoryEntry
    from shared.rpc.client import RpcClient

T = TypeVar("T")

HISTORY_SECONDS = 10.0
NAME_WIDTH = 46


class Steps:
    """Runs each step, and prints what it was and how long it took."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, name: str, work: Callable[[], T], say: Callable[[T], str]) -> T:
        """Does one step.

        Args:
            name: What is done.
            work: Does it.
            say: What to print of the outcome.
        """
        self._number += 1
        began = time.perf_counter()
        outcome = work()
        milliseconds = (time.perf_counter() - began) * 1000
        click.echo(f"{self._number:2}. {name:<{NAME_WIDTH}} {milliseconds:8.1f} ms   {say(outcome)}")
        return outcome


def demonstrate(client: RpcClient) -> None:
    """Registers a reporter, files a report as them, confirms and resolves it, and shows the history.

    Args:
        client: Signed in as somebody who may change the status of reports.

    Raises:
        ImpactXError: A step failed.
    """
    step = Steps()
    email = f"reporter-{secrets.token_hex(4)}@impactx.example"
    password = secrets.token_urlsafe(12)
    step(
        "register a reporter",
        lambda: client.call(
            "identity.register_user",
            {"email": email, "password": password, "first_name": "Demo", "last_name": "Reporter"},
            token="",
        ),
        lambda user: f"{user['email']}",
    )
    token = step(
        "sign in as the reporter",
        lambda: client.call("identity.authenticate", {"email": email, "password": password}, token=""),
        lambda tokens: f"a token for {tokens['expires_in']} s",
    )["access_token"]
    region, place = _a_region(client)
    report_type = client.reports.list_report_types()["items"][0]
    severity = client.reports.list_severity_levels()["items"][-1]
    report = step(
        "file a report, located by its coordinates",
        lambda: client.call(
            "reports.create_report",
            {
                "report_type_id": report_type["id"],
                "severity_level_id": severity["id"],
                "title": "Bridge washed away",
                "description": "The bridge is gone; about forty people are cut off on the other bank.",
                "location": {"type": "Point", "coordinates": place},
            },
            token=token,
        ),
        lambda filed: f"{filed['status']} in {region['name']}",
    )
    for status, method, arguments in (
        ("confirm it", "change_report_status", {"status": "confirmed", "notes": "Seen by the river watch."}),
        ("send a team", "change_report_status", {"status": "in_progress"}),
        ("resolve it", "resolve_report", {"resolution_notes": "Everybody was brought over."}),
    ):
        report = step(
            f"{status}, as a coordinator",
            lambda method=method, arguments=arguments, seen=report: client.call(  # type: ignore[misc]
                f"reports.{method}", {"report_id": seen["id"], "version": seen["version"], **arguments}
            ),
            lambda changed: f"{changed['status']}, version {changed['version']}",
        )
    history = step(
        "wait for the history that the events wrote",
        lambda: _history(client, report),
        lambda entries: " > ".join(entry["status"] for entry in entries),
    )
    for entry in history:
        click.echo(f"      {entry['changed_at']}  {entry['status']:<12} {entry['notes'] or ''}")


def _a_region(client: RpcClient) -> tuple[Region, list[float]]:
    """A region with boundaries, and a point in it."""
    for region in client.identity.list_regions(include_boundaries=True)["items"]:
        if region["boundaries"]:
            ring = region["boundaries"]["coordinates"]
            while isinstance(ring[0][0], list):
                ring = ring[0]
            point = [
                sum(axis) / len(axis) for axis in zip(*(position[:2] for position in ring[:-1]), strict=True)
            ]
            return region, point
    raise ImpactXError("No region has boundaries: seed or import regions first.")


def _history(client: RpcClient, report: dict[str, Any]) -> list[HistoryEntry]:
    deadline = time.monotonic() + HISTORY_SECONDS
    while time.monotonic() < deadline:
        entries = client.reports.get_report_history(report_id=report["id"])["items"]
        if len(entries) == report["version"]:
            return sorted(entries, key=lambda entry: entry["version"])
        time.sleep(0.005)
    raise RpcTimeout("The history did not come in time.")
