"""openapi-python-client makes a client of the whole document, and that client works."""

import importlib
import sys
from types import SimpleNamespace

import orjson
import pytest
from openapi_python_client import MetaType, generate
from openapi_python_client.config import Config, ConfigFile

from tests.support.directories import temporary_directory
from tests.support.gateway import VERBS, document

PACKAGE = "impactx_over_http"
SQUARE = [[60.0, 50.0], [61.0, 50.0], [61.0, 51.0], [60.0, 51.0], [60.0, 50.0]]


@pytest.fixture(scope="module")
def generated():
    """The package, and what the generator complained of."""
    directory = temporary_directory("generated")
    source = directory / "openapi.json"
    source.write_bytes(orjson.dumps(document()))
    settings = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document_source=source,
        file_encoding="utf-8",
        overwrite=True,
        output_path=directory / PACKAGE,
    )
    complaints = generate(config=settings)
    sys.path.insert(0, str(directory))
    yield SimpleNamespace(directory=directory / PACKAGE, complaints=complaints)
    sys.path.remove(str(directory))


def operation(tag, name):
    return importlib.import_module(f"{PACKAGE}.api.{tag}.{name}")


def model(name):
    return getattr(importlib.import_module(f"{PACKAGE}.models"), name)


@pytest.fixture
def client(generated, system):
    assert generated.directory.exists()
    client = importlib.import_module(f"{PACKAGE}.client").AuthenticatedClient(
        base_url=system.url, token=system.admin.token
    )
    with client:
        yield client


def test_every_operation_is_generated(generated):
    made = {path.stem for path in (generated.directory / "api").rglob("*.py") if path.stem != "__init__"}
    offered = {
        operation["operationId"]
        for item in document()["paths"].values()
        for verb, operation in item.items()
        if verb in VERBS
    }
    assert made == offered


def test_a_region_is_made_and_changed(generated, client):
    assert generated.directory.exists()
    boundaries = model("Polygon").from_dict({"type": "Polygon", "coordinates": [SQUARE]})
    made = operation("regions", "create_region").sync(
        client=client, body=model("CreateRegion")(code="GENERATED", name="Square", boundaries=boundaries)
    )
    assert made.boundaries.to_dict()["coordinates"] == [SQUARE]
    changed = operation("regions", "update_region").sync(
        made.id, client=client, if_match='"1"', body=model("UpdateRegion")(name="Renamed")
    )
    assert (changed.name, changed.version) == ("Renamed", 2)


def test_a_file_is_bytes_and_a_refusal_is_a_problem(client, system):
    report = system.report()
    attachment = system.attachment(report)
    content = operation("attachments", "get_attachment_content").sync(attachment["id"], client=client)
    assert content.payload.read().startswith(b"\xff\xd8\xff")
    stale = operation("reports", "update_report").sync(
        report["id"], client=client, if_match='"9"', body=model("UpdateReport")(title="Other")
    )
    assert (stale.slug, stale.version) == ("precondition_failed", 1)
