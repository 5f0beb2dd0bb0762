"""The command ``broker-users`` on a real broker."""

import amqp.exceptions
import kombu
import orjson
import pytest
from click.testing import CliRunner

from infra.rabbitmq.rights import USERS
from services.cli.broker import broker_users
from shared.client.errors import Invalid, Unavailable
from shared.platform.settings import SettingError, from_environment
from tests.support.rabbitmq.users import administration_of, password_of


def variable(user):
    return f"IMPACTX_{user.upper()}_BROKER_PASSWORD"


@pytest.fixture
def run(broker, virtual_host):
    """Runs the command with these arguments, and with these variables beside or instead of the usual ones."""

    def running(*arguments, **changed):
        environment = {variable(user): password_of(broker, user) for user in USERS}
        environment |= {"IMPACTX_RABBITMQ_API": administration_of(broker)} | changed
        return CliRunner().invoke(
            broker_users,
            ["--virtual-host", virtual_host.name, *arguments],
            obj=from_environment((), environment),
            catch_exceptions=True,
        )

    return running


def connects(broker, virtual_host, user, password):
    try:
        with kombu.Connection(
            f"amqp://{user}:{password}@{broker.host}:{broker.port}/{virtual_host.name}"
        ) as connection:
            connection.connect()
    except amqp.exceptions.AccessRefused:
        return False
    return True


def rights(broker, virtual_host):
    return [
        sorted(broker.api("GET", f"vhosts/{virtual_host.name}/{kind}"), key=str)
        for kind in ("permissions", "topic-permissions")
    ]


def test_makes_the_users_and_repeating_it_changes_nothing(run, broker, virtual_host, tmp_path):
    file = tmp_path / "password"
    file.write_text(password_of(broker, "reports") + "\n")
    made = run(**{variable("reports"): "", f"{variable('reports')}_FILE": str(file)})
    assert made.output == f"The broker has the users {', '.join(USERS)}.\n"
    assert all(connects(broker, virtual_host, user, password_of(broker, user)) for user in USERS)
    before = rights(broker, virtual_host)
    assert run().exit_code == 0
    assert rights(broker, virtual_host) == before


def test_what_it_prints_is_for_the_broker_to_import_and_holds_no_password(run, broker, virtual_host):
    arguments = {"IMPACTX_NEXT_DOOR_BROKER_PASSWORD": "a secret of next door"}
    printed = run("--client", "next-door", "--print", IMPACTX_RABBITMQ_API="", **arguments).output
    assert not [secret for secret in arguments.values() if secret in printed]
    assert not [user for user in USERS if password_of(broker, user) in printed]
    broker.api("POST", "definitions", orjson.loads(printed))
    assert connects(broker, virtual_host, "next-door", "a%20secret%20of%20next%20door")
    assert not connects(broker, virtual_host, "next-door", "another")


def test_says_which_password_is_missing(run):
    fault = run(**{variable("alerts"): ""}).exception
    assert isinstance(fault, SettingError)
    assert "IMPACTX_ALERTS_BROKER_PASSWORD" in str(fault)


@pytest.mark.parametrize("name", ["reports", "gateway", "operator", "amq", "rpc", "a.b", "A", ".*", ""])
def test_another_system_cannot_have_a_name_that_is_somebody_elses(run, name):
    assert isinstance(run("--client", name).exception, Invalid)


@pytest.mark.parametrize("address", ["http://admin:hidden@127.0.0.1:1", "http://nobody:hidden@{broker}"])
def test_an_api_that_is_away_or_refuses_us_is_said_without_the_password(run, broker, address):
    where = broker.api_url().partition("://")[2]
    fault = run(IMPACTX_RABBITMQ_API=address.format(broker=where)).exception
    assert isinstance(fault, Unavailable)
    assert "hidden" not in str(fault)


def test_says_where_to_look_for_the_api(run):
    assert "IMPACTX_RABBITMQ_API" in str(run(IMPACTX_RABBITMQ_API="").exception)
