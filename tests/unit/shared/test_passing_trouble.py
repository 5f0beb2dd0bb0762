"""What passes by itself is told apart from what somebody has to mend."""

import errno
import socket

import amqp.exceptions
import kombu.exceptions
import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from shared.client.amqp.link import is_broken
from shared.client.errors import BY_SLUG, RateLimited, RpcTimeout, Unavailable
from shared.platform.outbox.subscribe import passes

WEATHER = [
    Unavailable(),
    RpcTimeout(),
    RateLimited(),
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    ConnectionResetError(),
    BrokenPipeError(errno.EPIPE, "gone"),
    TimeoutError(),
    OSError(errno.EHOSTUNREACH, "no route"),
    OSError(errno.ENETUNREACH, "no network"),
    socket.gaierror(socket.EAI_AGAIN, "name resolution"),
    amqp.exceptions.ConnectionForced(),
    amqp.exceptions.RecoverableConnectionError(),
    kombu.exceptions.OperationalError(),
    OperationalError("SELECT", {}, psycopg.OperationalError("connection refused")),
    psycopg.errors.DeadlockDetected(),
]

FAULTS = [
    FileNotFoundError(errno.ENOENT, "no such file"),
    PermissionError(errno.EACCES, "not allowed"),
    IsADirectoryError(errno.EISDIR, "is a directory"),
    OSError(errno.ENOSPC, "no space left on device"),
    OSError(errno.EMFILE, "too many open files"),
    OSError("something"),
    AttributeError("'NoneType' object has no attribute 'id'"),
    RuntimeError("dictionary changed size during iteration"),
    EOFError(),
    KeyError("id"),
    amqp.exceptions.PreconditionFailed(),
    kombu.exceptions.EncodeError(),
    *(BY_SLUG[slug]() for slug in BY_SLUG.keys() - {"unavailable", "timeout", "rate_limited"}),
]


@pytest.mark.parametrize("error", WEATHER, ids=repr)
def test_it_is_waited_out(error):
    assert passes(error)


@pytest.mark.parametrize("error", FAULTS, ids=repr)
def test_it_is_a_failure_of_the_event(error):
    assert not passes(error)


class Socketed:
    def __init__(self, sock, *, connected=True):
        self.sock = sock
        self.connected = connected


class Connected:
    def __init__(self, transport):
        self._transport = transport


class Channel:
    def __init__(self, connection):
        self.connection = connection


OPEN = Channel(Connected(Socketed(object())))
CLOSED = [
    Channel(None),
    Channel(Connected(None)),
    Channel(Connected(Socketed(None))),
    Channel(Connected(Socketed(object(), connected=False))),
]


@pytest.mark.parametrize("error", [AttributeError("sock"), RuntimeError("readers")], ids=repr)
def test_a_fault_is_no_broken_connection_while_the_channel_is_open(error):
    assert not is_broken(error, OPEN)
    assert all(is_broken(error, channel) for channel in CLOSED)


@pytest.mark.parametrize("error", [ConnectionResetError(), amqp.exceptions.NotFound(), EOFError()], ids=repr)
def test_what_the_broker_or_the_socket_says_is_a_broken_connection(error):
    assert is_broken(error, OPEN)
