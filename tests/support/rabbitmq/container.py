"""RabbitMQ in a container, where a Docker engine answers."""

import contextlib
import functools
import socket
import sys

from infra.local.postgresql.ports import free_port
from tests.support import reaper
from tests.support.rabbitmq.broker import Broker, BrokerError

IMAGE = "rabbitmq:4.0-management"
"""The one of docker-compose.yml."""

PULL_TIMEOUT = 300
"""Seconds without a word from the engine while it pulls."""


@functools.cache
def image_can_be_had() -> bool:
    """Whether a Docker engine answers and has the image, or gets it."""
    import docker  # noqa: PLC0415 - slow to import, and needed once
    from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415

    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    with contextlib.closing(client):
        try:
            client.images.get(IMAGE)
        except ImageNotFound:
            return _is_pulled(client)
        except (DockerException, OSError):
            return False
    return True


def _is_pulled(client) -> bool:
    from docker.errors import DockerException  # noqa: PLC0415

    sys.stderr.write(f"Pulling {IMAGE} for the tests\n")
    client.api.timeout = PULL_TIMEOUT
    try:
        client.images.pull(IMAGE)
    except (DockerException, OSError) as error:
        sys.stderr.write(f"It cannot be had, so a server of this machine is taken: {error}\n")
        return False
    return True


class ContainerBroker(Broker):
    """One container with fixed ports, so that it comes back where it was."""

    def __init__(self) -> None:
        from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 - asks Docker when imported
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - the same

        # Its own reaper is another image to be had; ours is here.
        testcontainers_config.ryuk_disabled = True
        self.port, self.api_port = free_port(), free_port()
        self.user = self.password = "impactx"
        self._container = (
            DockerContainer(IMAGE)
            .with_env("RABBITMQ_DEFAULT_USER", self.user)
            .with_env("RABBITMQ_DEFAULT_PASS", self.password)
            # its data belongs to this name and has to be found again after a restart
            .with_kwargs(hostname="impactx-test")
            .with_bind_ports(5672, self.port)
            .with_bind_ports(15672, self.api_port)
        )
        self._is_made = False

    def start(self) -> None:
        if self._is_made:
            self._wrapped().start()
        else:
            self._container.start()
            self._is_made = True
            reaper.register_container(self._wrapped().id)
            self.host = self._published_at()
        self._wait_until_it_answers(self._is_alive)

    def _published_at(self) -> str:
        """Here, where the engine and we are on one machine; testcontainers, for one, cannot tell in every sandbox."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return "127.0.0.1"
        return self._container.get_container_host_ip()

    def stop(self) -> None:
        self._wrapped().stop(timeout=60)

    def kill(self) -> None:
        self._wrapped().kill()

    def remove(self) -> None:
        from docker.errors import NotFound  # noqa: PLC0415

        if self._is_made:
            self._is_made = False
            # At the end of the process the reaper may have been first.
            with contextlib.suppress(NotFound):
                self._container.stop()

    def control(self, *arguments: str) -> str:
        status, said = self._wrapped().exec_run(["rabbitmqctl", "--quiet", *arguments])
        if status != 0:
            raise BrokerError(f"rabbitmqctl {' '.join(arguments)}: {said.decode(errors='replace')}")
        return said.decode()

    def _is_alive(self) -> bool:
        container = self._wrapped()
        container.reload()
        return container.status in ("created", "running", "restarting")

    def _wrapped(self):
        container = self._container.get_wrapped_container()
        if container is None:
            raise BrokerError("The container of RabbitMQ has not been made yet.")
        return container
