"""A client where there is nothing to call says so at once, in one sentence that helps."""

import subprocess
import sys

import pytest
from kombu.exceptions import OperationalError

from shared.client.amqp import link as link_module
from shared.client.amqp.transport import connection_to
from shared.client.errors import Unavailable
from shared.client.local import LocalClient, default_path, is_open
from shared.client.rpc import RpcClient
from tests.support.processes import ROOT
from tests.support.waiting import ends, patience

NOBODY = "amqp://guest:guest@127.0.0.1:1//"


def test_a_broker_that_was_never_there_is_said_at_once_and_make_run_is_named(monkeypatch):
    monkeypatch.setattr("shared.client.rpc.CONNECT_SECONDS", 3600)
    with ends("the call"), RpcClient(NOBODY, email="a@b.example", password="secret", timeout=3600) as client:  # noqa: SIM117 - closing is not what raises
        with pytest.raises(Unavailable) as error:
            client.reports.list_reports()
    said = str(error.value)
    assert said.startswith("No message broker answers at 127.0.0.1:1 (")
    assert "LocalClient" in said
    assert "secret" not in said


def test_a_refused_connection_is_said_after_one_attempt_without_a_pause(monkeypatch):
    pauses = []
    monkeypatch.setattr("kombu.utils.functional.sleep", pauses.append)
    monkeypatch.setattr("shared.client.rpc.CONNECT_SECONDS", 3600)
    with ends("the call"), RpcClient(NOBODY, timeout=3600) as client, pytest.raises(Unavailable):
        client.reports.list_reports()
    assert pauses == []


@pytest.mark.parametrize(
    "open_it",
    [
        lambda connection: connection.connect(),
        lambda connection: connection.connection,
        lambda connection: connection.channel(),
        lambda connection: connection.default_channel,
    ],
)
def test_a_connection_is_tried_once_however_it_is_opened(open_it, monkeypatch):
    pauses = []
    monkeypatch.setattr("kombu.utils.functional.sleep", pauses.append)
    with pytest.raises((OSError, OperationalError), match=r"Connection refused|ECONNREFUSED"):
        open_it(connection_to(NOBODY))
    assert pauses == []


def test_make_run_is_not_named_where_the_broker_is_elsewhere(monkeypatch):
    monkeypatch.setattr("shared.client.rpc.CONNECT_SECONDS", 3600)
    with ends("the call"), RpcClient("amqp://127.0.0.2:1//", timeout=3600) as client:  # noqa: SIM117 - closing is not what raises
        with pytest.raises(Unavailable) as error:
            client.reports.list_reports()
    assert str(error.value).startswith("No message broker answers at 127.0.0.2:1 (")
    assert "LocalClient" not in str(error.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ConnectionRefusedError(111, "Connection refused"),
            "No message broker answers at 127.0.0.1:1 (Connection refused)",
        ),
        (
            link_module.amqp.exceptions.AccessRefused("ACCESS_REFUSED"),
            "refuses the user guest: ACCESS_REFUSED.",
        ),
        (
            link_module.amqp.exceptions.AccessRefused("See the log file."),
            "refuses the user guest: See the log file.",
        ),
    ],
)
def test_the_reason_is_in_the_sentence(error, said):
    assert said in link_module._refusal(NOBODY, error)
    assert ".." not in link_module._refusal(NOBODY, error)


def test_a_program_that_configures_no_logging_prints_nothing_beside_its_error():
    program = (
        "from shared.client.rpc import RpcClient\n"
        "from shared.client.errors import Unavailable\n"
        f"with RpcClient({NOBODY!r}) as client:\n"
        "    try: client.reports.list_reports()\n"
        "    except Unavailable as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_a_make_run_that_is_not_there_is_said_with_what_to_do(tmp_path):
    with (
        LocalClient(tmp_path / "rpc.sock", token="x") as client,
        pytest.raises(Unavailable, match="start `make run`"),
    ):
        client.reports.list_reports()
    assert not is_open(tmp_path / "rpc.sock")


def test_the_socket_is_that_of_the_instance_of_this_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPACTX_HOME", raising=False)
    assert str(default_path()) == ".impactx/rpc.sock"
    monkeypatch.setenv("IMPACTX_HOME", str(tmp_path))
    assert default_path() == tmp_path / "rpc.sock"
