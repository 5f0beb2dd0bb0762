"""Files reports through a gateway and follows them to their histories, for `infra.docker.trial`.

It repeats a request under the same id, as a client should whose server was restarted.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, Final

TIMEOUT: Final = 15.0
REPEATS: Final = 5
HISTORY_SECONDS: Final = 30.0
ADMINISTRATOR: Final = "admin@impactx.example"


class Gateway:
    """A gateway, and who is signed in at it.

    Attributes:
        repeated: How many requests were sent again.
    """

    def __init__(self, url: str, password: str) -> None:
        self._url = f"{url}/api/v1"
        self._token = ""
        self.repeated = 0
        signed_in = self.ask("POST", "/auth/login", {"email": ADMINISTRATOR, "password": password})
        self._token = signed_in["access_token"]

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Sends a request, and again where nothing could answer it."""
        for _ in range(REPEATS):
            try:
                return self._ask(method, path, body, headers)
            except urllib.error.HTTPError as error:
                if error.code not in (502, 503, 504):
                    sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")
                reason = str(error)
            except OSError as error:
                reason = str(error)
            self.repeated += 1
        sys.exit(f"{method} {path}: {reason}, {REPEATS} times")

    def _ask(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | token | headers,
        )
        with urllib.request.urlopen(request, timeout=patience(TIMEOUT)) as answer:  # noqa: S310 - the same
            return json.load(answer)


def patience(seconds: float) -> float:
    """Return a limit for this machine, as it is now, of what takes far less than so many seconds on an idle one."""
    return seconds * max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0)


def file_report(gateway: Gateway, kind: str, severity: str) -> str:
    """Files one and confirms it; its id."""
    filed = gateway.ask(
        "POST",
        "/reports",
        {
            "id": str(uuid.uuid4()),
            "report_type_id": kind,
            "severity_level_id": severity,
            "title": "Bridge washed away",
            "description": "Filed by the trial of the containers.",
            "location": {"type": "Point", "coordinates": [-72.3, 18.5]},
        },
    )
    gateway.ask("PUT", f"/reports/{filed['id']}/status", {"status": "confirmed"}, **{"If-Match": '"1"'})
    return str(filed["id"])


def wait_for_history(gateway: Gateway, report: str) -> None:
    """Waits until both versions of a report are in its history."""
    deadline = time.monotonic() + patience(HISTORY_SECONDS)
    while True:
        history = [entry["status"] for entry in gateway.ask("GET", f"/reports/{report}/history")["items"]]
        if sorted(history) == ["confirmed", "pending"]:
            return
        if time.monotonic() > deadline:
            sys.exit(f"The history of {report} is still {history}.")
        time.sleep(0.1)


def tell(url: str, password: str, reports: int) -> str:
    """Files so many as the administrator and looks for the history of each; says how long that took."""
    began = time.monotonic()
    gateway = Gateway(url, password)
    kind = gateway.ask("GET", "/report-types")["items"][0]["id"]
    severity = gateway.ask("GET", "/severity-levels")["items"][0]["id"]
    filed = [file_report(gateway, kind, severity) for _ in range(reports)]
    for report in filed:
        wait_for_history(gateway, report)
    return (
        f"{len(filed)} filed, confirmed and in their histories in {time.monotonic() - began:.1f} s, "
        f"{gateway.repeated} requests repeated"
    )
