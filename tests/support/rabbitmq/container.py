"""RabbitMQ in a container, where a Docker engine answers."""

import contextlib
import functools

from infra.embedded.postgresql.ports import free_port
from tests.support.rabbitmq.broker import Broker, BrokerError

IMAGE = "rabbitmq:3.13-management"


@functools.cache
def docker_answers() -> bool:
    """Whether a Docker engine is there to be used."""
    import docker  # noqa: PLC0415 - slow to import, and needed once
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        with contextlib.closing(docker.from_env(timeout=5)) as client:
            return bool(client.ping())
    except DockerException:
        return False


class ContainerBroker(Broker):
    """One container with fixed ports, so that it comes back where it was."""

    def __init__(self) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - asks Docker when imported

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
            self.host = self._container.get_container_host_ip()
        self._wait_until_it_answers(self._is_alive)

    def stop(self) -> None:
        self._wrapped().stop(timeout=60)

    def kill(self) -> None:
        self._wrapped().kill()

    def remove(self) -> None:
        if self._is_made:
            self._container.stop()
            self._is_made = False

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
