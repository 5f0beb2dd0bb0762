"""A private RabbitMQ node from the installed server: own name, own data, own ports, own port mapper.

It shares nothing with a RabbitMQ that may run on the machine already, and needs no rights: the distribution's
wrapper, which wants to be root or ``rabbitmq``, is passed by.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

from infra.local.postgresql.ports import free_port
from tests.support import reaper
from tests.support.directories import temporary_directory
from tests.support.rabbitmq.broker import Broker, BrokerError
from tests.support.waiting import patience

STOP_TIMEOUT = 60.0

_CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {api_port}
default_user = {user}
default_pass = {password}
log.console = true
log.console.level = info
log.file = false
disk_free_limit.absolute = 50MB
"""


class NodeBroker(Broker):
    """One node, started from a program file.

    Args:
        server: The ``rabbitmq-server`` of the installation itself.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._directory = temporary_directory("rabbitmq")
        self.port, self.api_port, self._distribution_port, self._mapper_port = (free_port() for _ in range(4))
        self.user, self.password = "impactx", secrets.token_urlsafe(12)
        self.log = self._directory / "console.log"
        self._node: subprocess.Popen | None = None
        self._mapper: subprocess.Popen | None = None
        (self._directory / "rabbitmq.conf").write_text(
            _CONFIGURATION.format(
                port=self.port, api_port=self.api_port, user=self.user, password=self.password
            )
        )
        (self._directory / "enabled_plugins").write_text("[rabbitmq_management].\n")

    def start(self) -> None:
        self._start_mapper()
        with self.log.open("ab") as log:
            self._node = subprocess.Popen(
                [self._server],
                cwd=self._directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        reaper.register(self._node)
        try:
            self._wait_until_it_answers(self._is_alive)
        except BrokerError as error:
            said = self.log.read_text(errors="replace")[-3000:]
            self.kill()
            raise BrokerError(f"{error} What it said last:\n{said}") from None

    def stop(self) -> None:
        if self._is_alive():
            self._node.terminate()
        self._end()

    def kill(self) -> None:
        if self._is_alive():
            # the whole group: the runtime's helper processes belong to it as well
            os.killpg(self._node.pid, signal.SIGKILL)
        self._end()

    def remove(self) -> None:
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait(patience(STOP_TIMEOUT))
            reaper.forget(self._mapper.pid)
            self._mapper = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def control(self, *arguments: str) -> str:
        program = self._server.with_name("rabbitmqctl")
        done = subprocess.run(
            [program, "--quiet", *arguments],
            cwd=self._directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience(60),
            check=False,
        )
        if done.returncode != 0:
            raise BrokerError(f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _is_alive(self) -> bool:
        return self._node is not None and self._node.poll() is None

    def _end(self) -> None:
        if self._node is None:
            return
        try:
            self._node.wait(patience(STOP_TIMEOUT))
        except subprocess.TimeoutExpired:
            os.killpg(self._node.pid, signal.SIGKILL)
            self._node.wait(patience(STOP_TIMEOUT))
            raise BrokerError(f"RabbitMQ did not stop within {STOP_TIMEOUT:.0f} s.") from None
        finally:
            reaper.forget(self._node.pid)
            self._node = None

    def _start_mapper(self) -> None:
        """Erlang's port mapper; left alone, a node starts a daemon that outlives it."""
        if self._mapper is not None and self._mapper.poll() is None:
            return
        program = shutil.which("epmd")
        if program is None:
            raise BrokerError("Erlang's epmd is not on PATH; it comes with the erlang-base package.")
        self._mapper = subprocess.Popen(
            [program, "-port", str(self._mapper_port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        reaper.register(self._mapper)
        time.sleep(0.05)

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
        return inherited | {
            # Erlang keeps the cookie here that the node and rabbitmqctl know each other by
            "HOME": str(self._directory),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # the script then becomes the runtime, instead of staying as a parent that handles signals its own way
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": f"impactx-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self._directory / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._directory / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._directory / "data"),
            "RABBITMQ_LOG_BASE": str(self._directory / "log"),
            "RABBITMQ_PID_FILE": str(self._directory / "pid"),
            # idle schedulers sleep at once; the services under test need the processors
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }
