"""Other people's systems, written with nameko as it comes: they call our methods and hear our events."""

import threading
from uuid import uuid4

import pytest
from nameko.containers import ServiceContainer
from nameko.events import BROADCAST, event_handler
from nameko.exceptions import RemoteError
from nameko.rpc import rpc
from nameko.standalone.rpc import ClusterRpcProxy, ServiceRpcProxy

from shared.client.errors import Internal
from shared.client.rpc import RpcClient
from shared.platform.amqp.declare import declare_everything
from tests.integration.shared.samples import EchoService, event, publish, serving, token
from tests.support.waiting import eventually

# nameko's own code, not ours, speaks to its past
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:nameko"),
]

HEARD: list[dict] = []


class TheirService:
    """Hears our events and offers a method, with nothing but nameko."""

    name = "theirs"

    @event_handler("reports", "report_created")
    def on_report_created(self, payload):
        HEARD.append(payload)

    @event_handler("reports", "report_created", handler_type=BROADCAST, reliable_delivery=False)
    def on_every_replica(self, payload):
        HEARD.append(payload)

    @rpc
    def double(self, number):
        return 2 * number

    @rpc
    def fail(self):
        raise LookupError("a secret of theirs")


@pytest.fixture
def echo(uri):
    with serving(uri, EchoService):
        yield


@pytest.fixture
def theirs(uri):
    HEARD.clear()
    container = ServiceContainer(TheirService, {"AMQP_URI": uri, "serializer": "json"})
    container.start()
    yield
    container.stop()


def test_a_plain_nameko_proxy_calls_our_method(echo, uri):
    with ServiceRpcProxy("echo", {"AMQP_URI": uri}) as proxy:
        assert proxy.say(text="from nameko") == {"text": "from nameko"}


def test_a_token_travels_in_nameko_context_data(echo, uri):
    user = uuid4()
    with ServiceRpcProxy(
        "echo", {"AMQP_URI": uri}, context_data={"auth_token": token(user_id=user)}
    ) as proxy:
        assert proxy.whoami() == {"text": str(user)}


def test_a_cluster_proxy_and_calls_in_parallel_work_too(echo, uri):
    with ClusterRpcProxy({"AMQP_URI": uri}) as cluster:
        replies = [cluster.echo.say.call_async(text=str(number)) for number in range(20)]
        assert [reply.result()["text"] for reply in replies] == [str(number) for number in range(20)]


@pytest.mark.parametrize(
    ("method", "arguments", "exc_type", "says"),
    [
        ("conflict", {}, "Conflict", "It is taken. (title: Is taken already.)"),
        ("whoami", {}, "Unauthenticated", "Sign in first"),
        ("say", {}, "Invalid", "text"),
        ("nothing_like_it", {}, "NotFound", "There is no method echo.nothing_like_it."),
        ("bug", {}, "Internal", "its log says why"),
    ],
)
def test_our_errors_are_remote_errors_with_our_name_and_message(echo, uri, method, arguments, exc_type, says):
    with ServiceRpcProxy("echo", {"AMQP_URI": uri}) as proxy:
        with pytest.raises(RemoteError) as error:
            getattr(proxy, method)(**arguments)
        assert error.value.exc_type == exc_type
        assert says in error.value.value
        assert "secret" not in str(error.value)


def test_positional_arguments_are_refused_with_a_reason(echo, uri):
    with ServiceRpcProxy("echo", {"AMQP_URI": uri}) as proxy, pytest.raises(RemoteError, match="by name"):
        proxy.say("positional")


def test_a_plain_nameko_event_handler_hears_our_events(theirs, uri):
    declare_everything(uri, quorum=False)
    sent = [event(number) for number in range(3)]
    publish(uri, sent)
    eventually(lambda: len(HEARD) == 6)
    assert sorted(payload["version"] for payload in HEARD) == [0, 0, 1, 1, 2, 2]
    assert HEARD[0]["title"] == "Bridge out on the road to Jacmel"


def test_our_client_calls_a_plain_nameko_service(theirs, uri):
    # nameko takes our keyword arguments, and its errors, which are not of the set, tell us nothing
    with RpcClient(uri, timeout=5) as client:
        assert client.call("theirs.double", {"number": 21}) == 42


def test_their_errors_reach_our_callers_as_internal_without_their_text(theirs, uri):
    with RpcClient(uri, timeout=5) as client, pytest.raises(Internal) as error:
        client.call("theirs.fail")
    assert "LookupError" in str(error.value)
    assert "secret" not in str(error.value)


def test_plain_callers_and_ours_at_the_same_time_get_their_own_answers(echo, uri):
    wrong = []

    def plain(start):
        with ServiceRpcProxy("echo", {"AMQP_URI": uri}) as proxy:
            wrong.extend(
                number
                for number in range(start, start + 30)
                if proxy.say(text=str(number)) != {"text": str(number)}
            )

    def ours(start, client):
        wrong.extend(
            number
            for number in range(start, start + 30)
            if client.echo.say(text=str(number)) != {"text": str(number)}
        )

    with RpcClient(uri) as client:
        threads = [
            *(threading.Thread(target=plain, args=(start,)) for start in (0, 100, 200)),
            *(threading.Thread(target=ours, args=(start, client)) for start in (300, 400, 500)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert wrong == []
