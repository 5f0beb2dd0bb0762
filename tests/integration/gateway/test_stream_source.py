"""The stream hears the services on a real broker: from whichever came first, and again after a break."""

import orjson
import pytest
from uuid6 import uuid7

from services.gateway.live.source import LiveEvents
from shared.client.events import PREFIX
from shared.domain import topology
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from shared.platform.amqp.declare import declare_everything
from shared.platform.settings import Settings
from tests.support.proxy import Proxy
from tests.support.waiting import eventually

NOT_IN_A_QUEUE_OF_OURS = "resource_usage_changed"


class Container:
    """What an extension asks of nameko's."""

    service_name = "gateway"

    def __init__(self, uri):
        self.shared_extensions = {}
        self.config = {"SETTINGS": Settings(database_urls={}, administration_url="", amqp_uri=uri)}


@pytest.fixture
def listen():
    made, containers = [], []

    def listening(uri):
        containers.append(Container(uri))  # an extension refers to it but does not keep it
        live = LiveEvents().bind(containers[-1])
        live.setup()
        made.append(live)
        live.start()
        return live

    yield listening
    for live in made:
        live.stop()


@pytest.fixture
def proxy(broker):
    with Proxy(broker.port, broker.host) as made:
        yield made


@pytest.fixture
def publish(virtual_host):
    publisher = ConfirmedPublisher(virtual_host.uri, "test")
    publisher.start()

    def publishing(event_type="report_created", service="reports"):
        event_id = str(uuid7())
        headers = {PREFIX + "id": event_id, PREFIX + "type": event_type, PREFIX + "source": service}
        ids = {name: str(uuid7()) for name in ("region_id", "user_id", "issued_by")}
        body = orjson.dumps(ids)
        message = Outgoing(body, topology.exchange_of(service), event_type, headers, event_id)
        return event_id, publisher.publish([message])

    yield publishing
    publisher.stop()


def heard(live):
    recent = live.broadcast.recent
    return [event.id for event in recent.read(recent.first, 1000)]


def is_live(live):
    return live.broadcast.is_live


def test_every_replica_hears_every_event(virtual_host, listen, publish):
    declare_everything(virtual_host.uri, quorum=False)
    replicas = [listen(virtual_host.uri) for _ in range(2)]
    eventually(lambda: all(map(is_live, replicas)), "both listen")
    sent = [publish()[0], publish("alert_issued", "alerts")[0], publish("region_created", "identity")[0]]
    for live in replicas:
        eventually(lambda: sorted(heard(live)) == sorted(sent), "it hears all")  # noqa: B023 - called at once


def test_it_waits_for_the_queues_in_which_nothing_may_be_lost(virtual_host, listen, publish):
    """Else an event that only the stream got would count as delivered."""
    live = listen(virtual_host.uri)
    with pytest.raises(AssertionError):
        eventually(lambda: is_live(live), timeout=1.5)
    assert not [name for name in virtual_host.queues() if name.startswith("gateway.")]
    declare_everything(virtual_host.uri, quorum=False)
    eventually(lambda: is_live(live), "it listens")
    event_id, returned = publish()
    assert not returned
    eventually(lambda: heard(live) == [event_id], "it hears")


def test_after_a_break_it_says_so_and_goes_on(virtual_host, listen, publish, proxy):
    declare_everything(virtual_host.uri, quorum=False)
    live = listen(proxy.through(virtual_host.uri))
    eventually(lambda: is_live(live), "it listens")
    before, _ = publish()
    eventually(lambda: heard(live) == [before], "it hears")
    breaks = live.broadcast._interruptions
    proxy.cut()
    eventually(lambda: live.broadcast._interruptions > breaks, "it listens again")
    assert heard(live) == []
    after, _ = publish()
    eventually(lambda: heard(live) == [after], "it hears again")


def test_its_queue_goes_with_it(virtual_host, listen, publish):
    declare_everything(virtual_host.uri, quorum=False)
    live = listen(virtual_host.uri)
    eventually(lambda: is_live(live), "it listens")
    live.stop()
    assert not is_live(live)
    eventually(
        lambda: not [name for name in virtual_host.queues() if name.startswith("gateway.")],
        "the queue goes",
    )
    event_id, returned = publish(NOT_IN_A_QUEUE_OF_OURS, "resources")
    assert returned == {event_id}


def test_what_is_no_event_is_passed_over(virtual_host, listen, publish):
    declare_everything(virtual_host.uri, quorum=False)
    live = listen(virtual_host.uri)
    eventually(lambda: is_live(live), "it listens")
    publisher = ConfirmedPublisher(virtual_host.uri, "test of nonsense")
    publisher.start()
    exchange = topology.exchange_of("reports")
    for body, headers in ((b"\xff", {}), (b"[]", {PREFIX + "type": "report_created"})):
        publisher.publish([Outgoing(body, exchange, "report_created", headers, str(uuid7()))])
    publisher.stop()
    event_id, _ = publish()
    eventually(lambda: heard(live) == [event_id], "it hears what is one")
