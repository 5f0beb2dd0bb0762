"""The services as real processes, to be waited for, stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.support import reaper
from tests.support.waiting import patience

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT = 60.0
"""Seconds until a process has to have said its ready line, on an idle machine."""

STOP_TIMEOUT = 30.0


class ProcessFailedError(AssertionError):
    """A process ended or did not come up; the message holds what it wrote."""


class ServiceProcess:
    """One ``python -m services …`` with what it writes kept in a file.

    Args:
        arguments: After ``python -m services``, for example ``["serve", "reports"]``.
        environment: Beside that of the test process, whose own settings of ImpactX are left out.
        log: Where its output goes; appended to when it is started again.
        ready: What it writes when it serves.
        module: Runs instead of ``services``.
    """

    def __init__(
        self,
        arguments: list[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        ready: str = "serving ",
        module: str = "services",
    ) -> None:
        self.arguments = arguments
        self._module = module
        self.log = log
        self._ready = ready
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("IMPACTX_") and name not in ("DATABASE_URL", "AMQP_URI")
        }
        self._environment = inherited | {"PYTHONUNBUFFERED": "1"} | dict(environment)
        self._process: subprocess.Popen | None = None
        self._written_before = 0

    @property
    def pid(self) -> int:
        """Its number; that of the last one where it is not running."""
        assert self._process is not None, "not started yet"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> Self:
        """Starts it and, unless told otherwise, waits until it serves."""
        assert not self.is_running, "it is running already"
        self._written_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, *self.arguments],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        reaper.register(self._process)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Waits for its ready line."""
        timeout = patience(timeout)
        deadline = time.monotonic() + timeout
        while self._ready not in self.output():
            if not self.is_running:
                raise ProcessFailedError(
                    f"{self} ended with {self._process.returncode}:\n{self.output()[-4000:]}"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise ProcessFailedError(
                    f"{self} was not ready within {timeout:.0f} s:\n{self.output()[-4000:]}"
                )
            time.sleep(0.02)

    def output(self) -> str:
        """What it has written since it was last started."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._written_before)
            return file.read().decode("utf-8", "replace")

    def kill(self) -> None:
        """SIGKILL: it gets no chance to finish anything."""
        if self._process is not None:
            self._process.kill()
            self._ended(STOP_TIMEOUT)

    def terminate(self, timeout: float = STOP_TIMEOUT) -> int:
        """SIGTERM, and its exit status when it has ended by itself.

        Raises:
            ProcessFailedError: It did not end in time and was killed.
        """
        assert self._process is not None, "not started yet"
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._ended(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessFailedError(
                f"{self} did not stop within {timeout} s of SIGTERM:\n{self.output()[-4000:]}"
            ) from None

    def __enter__(self) -> Self:
        return self if self.is_running else self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def __str__(self) -> str:
        return f"python -m {self._module} {' '.join(self.arguments)}"

    def _ended(self, timeout: float) -> int:
        status = self._process.wait(patience(timeout))
        reaper.forget(self._process.pid)
        return status
