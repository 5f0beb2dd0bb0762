"""The services behind a PgBouncer in transaction mode; all of their tests go through one with ``--pgbouncer``."""

import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace

import kombu
import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from uuid6 import uuid7

from infra.postgres.roles import RUNTIME_SETTINGS
from shared.domain.topology import SERVICES, exchange_of
from shared.platform.amqp.declare import declare_everything
from shared.platform.db.engine import Database
from shared.platform.db.errors import is_transient
from shared.platform.outbox.relay import Relay
from tests.support.pgbouncer import PgBouncer
from tests.support.postgresql import fresh_database
from tests.support.waiting import eventually

POOL = 2
WRITERS = 8
EVENTS = 60
"""Of each writer."""

EVENT = """
    INSERT INTO reports.outbox (type, subject, sequence, data) VALUES ('report_created', %s, %s, '{}')
"""


@pytest.fixture(scope="module")
def database(postgresql):
    """One that is reached through two connections, however many want it."""
    pooler = PgBouncer(postgresql, pool_size=POOL).start()
    made = replace(fresh_database(postgresql), pooler=pooler)
    yield made
    made.drop()
    pooler.stop()


def test_many_clients_share_few_connections(database):
    clients = [psycopg.connect(database.url("reports"), autocommit=True) for _ in range(10 * POOL)]
    try:
        servers = {client.execute("SELECT pg_backend_pid()").fetchone()[0] for client in clients}
    finally:
        for client in clients:
            client.close()
    assert len(servers) <= POOL


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_kept_with_a_role_holds_on_every_connection(database, service):
    expected = RUNTIME_SETTINGS | {"search_path": f"{service}, extensions, pg_temp"}
    with (
        psycopg.connect(database.url(service)) as one,
        psycopg.connect(database.url(service)) as other,
    ):
        # Both are in a transaction now, so each has a connection to the server.
        for client in (one, other):
            found = {name: client.execute(f"SHOW {name}").fetchone()[0] for name in expected}
            assert found == expected


class Onlooker:
    """Hears what is published, by subject and in the order in which it comes."""

    def __init__(self, connection):
        self.heard = defaultdict(list)
        self._connection = connection
        queue = kombu.Queue("onlooker", exclusive=True)(connection.default_channel)
        queue.queue_declare()
        queue.bind_to(exchange_of("reports"), "#")
        kombu.Consumer(connection.default_channel, [queue], on_message=self._hear, no_ack=True).consume()

    def has_heard(self, events):
        with suppress(TimeoutError):
            self._connection.drain_events(timeout=0.1)
        return sum(map(len, self.heard.values())) >= events

    def _hear(self, message):
        self.heard[message.headers["cloudEvents_subject"]].append(
            int(message.headers["cloudEvents_sequence"])
        )


def test_two_relays_and_many_writers_lose_nothing_and_keep_the_order(database, virtual_host):
    declare_everything(virtual_host.uri, quorum=False)
    replicas = [Database(database.url("reports"), pool_size=5) for _ in range(2)]
    relays = [Relay("reports", replica, virtual_host.uri, 0.05) for replica in replicas]

    def write():
        subject = uuid7()
        for sequence in range(1, EVENTS + 1):
            with replicas[sequence % 2].transaction() as connection:
                connection.exec_driver_sql(EVENT, (subject, sequence))
            relays[sequence % 2].wake()

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    with kombu.Connection(virtual_host.uri) as connection:
        onlooker = Onlooker(connection)
        for thread in (*relays, *writers):
            thread.start()
        eventually(lambda: onlooker.has_heard(WRITERS * EVENTS), "all is published", timeout=60.0, every=0)
    for writer in writers:
        writer.join(10)
    for relay, replica in zip(relays, replicas, strict=True):
        relay.stop(5)
        replica.close()
    assert list(onlooker.heard.values()) == [list(range(1, EVENTS + 1))] * WRITERS


def test_a_pgbouncer_that_comes_back_is_found_again(database):
    db = Database(database.url("reports"), pool_size=2)

    def answers():
        try:
            with db.read() as connection:
                return connection.exec_driver_sql("SELECT 1").scalar_one() == 1
        except OperationalError as error:
            return not is_transient(error)

    try:
        assert answers()
        database.pooler.stop()
        assert not answers()
        database.pooler.start()
        eventually(answers, "it answers again")
    finally:
        db.close()
