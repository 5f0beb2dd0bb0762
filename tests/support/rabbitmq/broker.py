"""What every RabbitMQ of the tests can do, wherever it comes from."""

import base64
import contextlib
import itertools
import json
import os
import socket
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from tests.support.waiting import patience

START_TIMEOUT = 90.0
"""Seconds until a broker has to answer."""

_numbers = itertools.count(1)


class BrokerError(AssertionError):
    """There is no RabbitMQ, or it does not do what the tests need; the message says what to do."""


@dataclass(frozen=True)
class VirtualHost:
    """An empty broker, as far as its users can tell.

    Attributes:
        broker: Where it is.
        name: Its name there.
    """

    broker: "Broker"
    name: str

    @property
    def uri(self) -> str:
        """What ``AMQP_URI`` is set to."""
        return self.broker.uri(self.name)

    def queues(self) -> dict[str, dict]:
        """What the management API tells of each queue, by name."""
        return {
            queue["name"]: queue for queue in self.broker.api("GET", f"queues/{quote(self.name, safe='')}")
        }

    def drop(self) -> None:
        """Removes it with everything in it, disconnecting whoever is connected."""
        self.broker.api("DELETE", f"vhosts/{quote(self.name, safe='')}")


class Broker(ABC):
    """A RabbitMQ with the management plugin.

    Attributes:
        host: Where it listens.
        port: For AMQP.
        api_port: For the management API.
        user: An administrator.
        password: Theirs.
    """

    host = "127.0.0.1"
    port: int
    api_port: int
    user: str
    password: str

    @abstractmethod
    def start(self) -> None:
        """Starts it, with everything durable that it had before, on the same port; waits until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stops it in an orderly way and waits for its end."""

    @abstractmethod
    def kill(self) -> None:
        """Kills it without a chance to tidy up."""

    @abstractmethod
    def remove(self) -> None:
        """Ends it for good, with its data."""

    @abstractmethod
    def control(self, *arguments: str) -> str:
        """Runs ``rabbitmqctl`` on it (about a second); what that printed."""

    @contextlib.contextmanager
    def blocking_publishers(self) -> Iterator[None]:
        """Has it out of memory, as far as it can tell: it then stops reading from whoever publishes."""
        self.control("set_vm_memory_high_watermark", "0.0000001")
        try:
            yield
        finally:
            self.control("set_vm_memory_high_watermark", "0.4")

    def uri(self, virtual_host: str) -> str:
        """Where clients connect."""
        return (
            f"amqp://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{self.port}"
            f"/{quote(virtual_host, safe='')}"
        )

    def fresh_virtual_host(self) -> VirtualHost:
        """A new one with nothing in it."""
        name = f"impactx-{os.getpid()}-{next(_numbers)}"
        self.api("PUT", f"vhosts/{name}")
        self.api(
            "PUT",
            f"permissions/{name}/{quote(self.user, safe='')}",
            {"configure": ".*", "write": ".*", "read": ".*"},
        )
        return VirtualHost(self, name)

    def api(self, method: str, path: str, body: object = None) -> object:
        """Asks the management API."""
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.api_url()}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        )
        with contextlib.closing(urllib.request.urlopen(request, timeout=patience(30))) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def api_url(self) -> str:
        """Where the management API is, without a slash at the end."""
        return f"http://{self.host}:{self.api_port}"

    def _wait_until_it_answers(self, is_alive) -> None:
        """Waits for both ports; `is_alive` tells a slow start from a failed one."""
        limit = patience(START_TIMEOUT)
        deadline = time.monotonic() + limit
        while True:
            with contextlib.suppress(OSError, urllib.error.URLError):
                self.api("GET", "whoami")
                with socket.create_connection((self.host, self.port), timeout=5):
                    return
            if not is_alive():
                raise BrokerError("RabbitMQ ended while it was starting.")
            if time.monotonic() > deadline:
                raise BrokerError(f"RabbitMQ did not answer within {limit:.0f} s.")
            time.sleep(0.05)


class ExternalBroker(Broker):
    """A broker that somebody else runs; it cannot be stopped from here.

    Args:
        uri: ``amqp://user:password@host:port/``; the user has to be an administrator.
        api_url: The management API, ``http://host:15672``.
    """

    def __init__(self, uri: str, api_url: str) -> None:
        if not api_url:
            raise BrokerError(
                "IMPACTX_TEST_AMQP_URI is set, so IMPACTX_TEST_RABBITMQ_API has to be set as well, to the address "
                "of that broker's management API (http://host:15672): each test gets a virtual host of its own."
            )
        parts = urlsplit(uri)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 5672
        self.user = unquote(parts.username or "guest")
        self.password = unquote(parts.password or "guest")
        self._api_url = api_url.rstrip("/")

    def start(self) -> None:
        raise self._not_ours("started")

    def stop(self) -> None:
        raise self._not_ours("stopped")

    def kill(self) -> None:
        raise self._not_ours("killed")

    def remove(self) -> None:
        raise self._not_ours("removed")

    def control(self, *arguments: str) -> str:
        raise self._not_ours("controlled")

    def api_url(self) -> str:
        return self._api_url

    def _not_ours(self, done: str) -> BrokerError:
        return BrokerError(
            f"The broker of IMPACTX_TEST_AMQP_URI belongs to somebody else and cannot be {done}; "
            "use new_broker() in tests that do so."
        )
