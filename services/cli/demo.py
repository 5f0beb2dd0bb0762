"""The command `demo`: the main path of a report, step by step, as another system would go it: by RPC."""

from __future__ import annotations

import secrets
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from infra.local.instance_dir import InstanceDirectory
from services.cli.connection import client as connect
from services.cli.connection import is_running
from services.cli.serving import embedded
from shared.client.errors import RpcTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.client.calls import Client
    from shared.client.types.identity import Region
    from shared.client.types.reports import ReportHistoryEntry
    from shared.platform.settings import Settings

T = TypeVar("T")

WAIT_SECONDS = 10.0
NAME_WIDTH = 46

DEMO_REGIONS: Final = (
    ("DEMO", "Demonstration Island", (-28.0, -46.0, -22.0, -40.0)),
    ("DEMO-NORTH", "Demonstration Island, north", (-28.0, -43.0, -22.0, -40.0)),
    ("DEMO-NORTH-BAY", "Demonstration Island, northern bay", (-26.0, -42.0, -24.0, -41.0)),
)
"""Regions in the South Atlantic, each inside of the one before: code, name and box [west, south, east, north]."""


@click.command()
@click.pass_obj
def demo(settings: Settings) -> None:
    """Demonstrate the main path of a report.

    The demo goes from creating the report to the cancelled alert, and prints the time that each step takes. It uses
    the system at AMQP_URI or the running `make run` of this checkout. Where there is neither, it starts a system of
    its own and removes it afterwards.
    """
    if is_running(settings):
        with connect(settings) as client:
            demonstrate(client)
        return
    with tempfile.TemporaryDirectory(prefix="impactx-demo-") as directory:
        click.echo("No system is running, so the demo starts one of its own and removes it afterwards.")
        instance = InstanceDirectory(Path(directory), durable=False)
        with embedded(instance, replace(settings, http_port=0)) as (_, _, client):
            demonstrate(client)


class Steps:
    """Runs the steps of the demo, and prints the name, the time and the outcome of each."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, name: str, work: Callable[[], T], say: Callable[[T], str]) -> T:
        """Run one step and return its outcome.

        Args:
            name: What the step does, in words.
            work: Runs the step.
            say: Returns what to print of the outcome.
        """
        self._number += 1
        began = time.perf_counter()
        outcome = work()
        milliseconds = (time.perf_counter() - began) * 1000
        click.echo(f"{self._number:2}. {name:<{NAME_WIDTH}} {milliseconds:8.1f} ms   {say(outcome)}")
        return outcome


def demonstrate(client: Client) -> None:
    """Create a report as a reporter, confirm and resolve it, and show its history and the alert that it caused.

    Args:
        client: Signed in as an account that may change the status of reports.

    Raises:
        ImpactXError: A step failed.
    """
    step = Steps()
    region, place = _demo_region(client)
    resident = _somebody(client, step, "resident", {"regions": [region["code"]]})
    token = _somebody(client, step, "reporter", {})
    report_type = client.reports.list_report_types()["items"][0]
    severity = client.reports.list_severity_levels()["items"][-1]
    report = step(
        "create a report, located by its coordinates",
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
        lambda created: f"{created['status']} in {region['name']}",
    )
    report = _change(client, step, report, "confirm it", status="confirmed", notes="Seen by the river watch.")
    alert = step(
        "wait for the alert that a rule issues",
        lambda: _eventually(
            lambda: client.alerts.list_alerts(source_id=report["id"])["items"],
            "The alert was not issued in time.",
        )[0],
        lambda issued: f"{issued['priority']}: {issued['title']}",
    )
    step(
        "wait until it reaches the resident",
        lambda: _eventually(
            lambda: client.call("alerts.list_my_alerts", {"unread_only": True}, token=resident)["items"],
            "The alert did not reach the resident in time.",
        ),
        lambda mine: f"{len(mine)} unread",
    )
    step(
        "read it, as the resident",
        lambda: client.call("alerts.mark_alert_read", {"alert_id": alert["id"]}, token=resident),
        lambda _: _reach(client, alert["id"]),
    )
    report = _change(client, step, report, "send a team", status="in_progress")
    report = _change(
        client,
        step,
        report,
        "resolve it",
        method="resolve_report",
        resolution_notes="Everybody was brought over.",
    )
    step(
        "wait until the alert is cancelled",
        lambda: _eventually(
            lambda: client.alerts.list_alerts(source_id=report["id"], msg_type="Cancel")["items"],
            "The alert was not cancelled in time.",
        )[0],
        lambda message: f"CAP {message['msg_type']} of {len(message['references'])} message",
    )
    history = step(
        "wait for the history that the events wrote",
        lambda: _history(client, report),
        lambda entries: " > ".join(entry["status"] for entry in entries),
    )
    for entry in history:
        click.echo(f"      {entry['changed_at']}  {entry['status']:<12} {entry['notes'] or ''}")


def _somebody(client: Client, step: Steps, who: str, preferences: dict[str, Any]) -> str:
    """Register an account, sign in, and return the access token."""
    email = f"{who}-{secrets.token_hex(4)}@impactx.example"
    password = secrets.token_urlsafe(12)
    names = {"first_name": "Demo", "last_name": who.title()}
    step(
        f"register a {who}",
        lambda: client.call(
            "identity.register_user",
            {"email": email, "password": password, "preferences": preferences, **names},
            token="",
        ),
        lambda user: f"{user['email']}",
    )
    tokens = step(
        f"sign in as the {who}",
        lambda: client.call("identity.authenticate", {"email": email, "password": password}, token=""),
        lambda tokens: f"a token for {tokens['expires_in']} s",
    )
    token: str = tokens["access_token"]
    return token


def _change(
    client: Client,
    step: Steps,
    report: dict[str, Any],
    what: str,
    method: str = "change_report_status",
    **arguments: str,
) -> dict[str, Any]:
    """Move the report to another status."""
    return step(
        f"{what}, as a coordinator",
        lambda: client.call(
            f"reports.{method}", {"report_id": report["id"], "version": report["version"], **arguments}
        ),
        lambda changed: f"{changed['status']}, version {changed['version']}",
    )


def _reach(client: Client, alert_id: str) -> str:
    reach = client.alerts.get_alert_reach(alert_id=alert_id)
    return f"{reach['targets']} reached, {reach['read']} read"


def _demo_region(client: Client) -> tuple[Region, list[float]]:
    """Return the innermost of the demonstration's regions, which are created where they are missing, and a point in it.

    They lie in the open ocean, where they take no report from any other region.
    """
    codes = [code for code, _, _ in DEMO_REGIONS]
    there = {region["code"] for region in client.identity.list_regions(codes=codes)["items"]}
    for code, name, (west, south, east, north) in DEMO_REGIONS:
        if code not in there:
            ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
            client.identity.create_region(
                code=code, name=name, boundaries={"type": "Polygon", "coordinates": [ring]}
            )
    code, _, (west, south, east, north) = DEMO_REGIONS[-1]
    return client.identity.get_region(code=code), [(west + east) / 2, (south + north) / 2]


def _history(client: Client, report: dict[str, Any]) -> list[ReportHistoryEntry]:
    def complete() -> list[ReportHistoryEntry] | None:
        entries = client.reports.get_report_history(report_id=report["id"])["items"]
        return entries if len(entries) == report["version"] else None

    entries = _eventually(complete, "The history was not written in time.")
    return sorted(entries, key=lambda entry: entry["version"])


def _eventually(look: Callable[[], T | None], problem: str) -> T:
    """Return the first result that is not empty.

    Raises:
        RpcTimeout: There was none in time.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.005)
    raise RpcTimeout(problem)
