"""What is made from the code is up to date, and says what it should."""

import inspect
import subprocess
import sys

import pytest

from services.cli.describe.command import ROOT, ROUTES, described_files
from services.cli.describe.methods import every_offer
from services.cli.describe.routes import routes_module
from services.cli.describe.wire import argument_type, words
from services.identity import schemas as identity
from services.reports import schemas as reports
from shared.client import methods
from shared.domain import CONTRACTS
from tests.support.waiting import patience


@pytest.mark.parametrize("path", sorted(described_files()), ids=str)
def test_a_made_file_is_up_to_date(path):
    assert (ROOT / path).read_text(encoding="utf-8") == described_files()[path], (
        "run: python -m services describe --write"
    )


def test_the_client_knows_the_routes_of_the_gateway():
    assert (ROOT / ROUTES).read_text(encoding="utf-8") == routes_module(), (
        "run: python -m services describe --write"
    )


def test_describing_does_without_the_gateway():
    """Its routes are made of what is described, and could not be loaded while one of them is new."""
    program = (
        "from shared.platform import concurrency; concurrency.patch(); import sys;"
        " from services.cli.describe.command import described_files; described_files();"
        " sys.exit(any(name.startswith('services.gateway') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=patience(60))


def offers():
    return [offer for found in every_offer().values() for offer in found]


@pytest.mark.parametrize("offer", offers(), ids=lambda offer: f"{offer.service}.{offer.name}")
def test_a_method_says_what_it_does(offer):
    assert offer.summary.endswith(".")
    assert inspect.getdoc(offer.description.arguments)
    slugs = [error.slug for error in offer.description.errors]
    assert len(set(slugs)) == len(slugs)
    assert all(error.message.endswith(".") for error in offer.description.errors)


def test_each_declared_event_has_a_contract_and_each_contract_a_method_that_emits_it():
    """`alert_targeted` alone is emitted by no call: it tells that a handler has worked through everybody."""
    declared = {(offer.service, event) for offer in offers() for event in offer.description.emits}
    assert declared == CONTRACTS.keys() - {("alerts", "alert_targeted")}


def test_what_the_client_knows_of_methods_is_true():
    known = {f"{offer.service}.{offer.name}": offer for offer in offers()}
    taking_an_id = {
        name
        for name, offer in known.items()
        if name.partition(".")[2].startswith(("create_", "add_", "register_"))
        and "id" in offer.description.arguments().fields
    }
    assert taking_an_id <= methods.CREATES
    for name in methods.CREATES & known.keys():
        assert "id" in known[name].description.arguments().fields


@pytest.mark.parametrize(
    ("schema", "argument", "kind", "text"),
    [
        (reports.CreateReport, "title", "str", "text of at most 255 characters"),
        (reports.CreateReport, "reported_at", "Moment | None", "time, RFC 3339 with an offset"),
        (reports.GetReport, "report_id", "Identifier", "UUID"),
        (reports.ListReports, "limit", "int", "whole number, 1 to 500"),
        (reports.UpdateReport, "version", "int", "whole number, at least 1"),
        (identity.LocateRegion, "lon", "float", "number, -180 to 180"),
        (identity.CreateRegion, "description", "str | None", "text of at most 10000 characters; may be null"),
        (identity.RevokeRole, "role", "str", "the name of a role"),
    ],
)
def test_fields_are_described(schema, argument, kind, text):
    field = schema().fields[argument]
    assert argument_type(field) == kind
    assert words(field).startswith(text)
