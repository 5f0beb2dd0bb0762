"""What is missing is said before the first test, all of it at once."""

import dataclasses
import subprocess
from types import SimpleNamespace

import pytest

import tests.__main__
from tests.support import needs, packages
from tests.support.processes import ROOT


@pytest.fixture
def ordinary(monkeypatch):
    """Nobody may install anything, and nothing is here."""
    monkeypatch.setattr(packages, "may_install", lambda: False)
    missing = tuple(dataclasses.replace(need, is_here=lambda: False) for need in needs.ALL)
    of_name = dict(zip(needs.ALL, missing, strict=True))
    for table in ("_FIXTURES", "_DIRECTORIES"):
        monkeypatch.setattr(
            needs, table, {key: exchanged(value, of_name) for key, value in getattr(needs, table).items()}
        )
    monkeypatch.setattr(needs, "ALL", missing)
    return missing


def exchanged(value, of_name):
    return of_name[value] if isinstance(value, needs.Need) else tuple(of_name[need] for need in value)


def test_everything_that_is_missing_is_named_with_one_command(ordinary):
    with pytest.raises(needs.MissingError) as error:
        needs.require(ordinary)
    said = str(error.value)
    for need in ordinary:
        assert need.name in said
    assert "rabbitmq-server pgbouncer chromium chromium-driver" in said
    assert said.count("apt-get install") == 1


def test_only_what_the_tests_to_come_need_is_asked_for(ordinary):
    needs.require([])
    with pytest.raises(needs.MissingError) as error:
        needs.require(ordinary[1:2])
    assert "PgBouncer" in str(error.value)
    assert "RabbitMQ" not in str(error.value)


@pytest.mark.parametrize(
    ("nodeid", "fixtures", "needed"),
    [
        ("tests/unit/shared/test_errors.py::test_a", ["tmp_path"], set()),
        ("tests/integration/test_bootstrap.py::test_a", ["server"], set()),
        ("tests/integration/shared/test_rpc.py::test_a", ["virtual_host"], {needs.RABBITMQ}),
        ("tests/faults/test_broker.py::test_a", ["breakable"], {needs.RABBITMQ}),
        ("tests/e2e/test_main_path.py::test_a[x::y]", [], {needs.RABBITMQ, needs.PGBOUNCER}),
        ("tests/e2e/page/test_page.py::test_a", [], set(needs.ALL)),
    ],
)
def test_what_a_test_needs(nodeid, fixtures, needed):
    assert needs.of_test(nodeid, fixtures) == needed


def test_the_whole_suite_ends_before_it_starts_a_test(ordinary, monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a test process was started"))
    assert tests.__main__.main() == 1
    assert "rabbitmq-server pgbouncer chromium chromium-driver" in capsys.readouterr().err


def test_a_run_of_some_tests_ends_before_the_first_of_them(ordinary, request):
    """As pytest calls it when it has collected; see ``tests/conftest.py``."""
    conftest = next(
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if getattr(plugin, "__file__", None) == str(ROOT / "tests" / "conftest.py")
    )
    session = SimpleNamespace(
        items=[SimpleNamespace(nodeid="tests/e2e/test_main_path.py::test_a", fixturenames=["broker"])],
        config=request.config,
    )
    with pytest.raises(pytest.UsageError, match="PgBouncer"):
        conftest.pytest_collection_finish(session)
