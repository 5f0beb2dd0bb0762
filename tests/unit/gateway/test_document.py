"""What the OpenAPI document promises, and that it is whole."""

import ast
from pathlib import Path

import jsonschema_rs
import pytest

import services
import shared
from services.gateway.http import errors, requests
from services.gateway.openapi.operations import METHODS, Problem
from shared.client.errors import ImpactXError
from tests.support.gateway import OPERATIONS, application, document

NOT_OFFERED = {"alerts.rebuild_audience", "identity.get_authority", "identity.list_revocations"}
"""RPC methods that have no route: work of operators."""


def test_it_is_openapi_3_1():
    found = document()
    assert found["openapi"] == "3.1.0"
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_rpc_method_is_offered():
    offered = {operation["x-rpc-method"] for operation in OPERATIONS.values()}
    assert offered == METHODS.keys() - NOT_OFFERED


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_it_needs_and_answers(name):
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["tags"]
    assert ("security" in operation) == ("anyone" in operation["x-permission"])
    answers = operation["responses"]
    assert "default" not in answers
    assert {"401", "422", "429", "503", "504"} <= answers.keys()
    assert sum(status.startswith("2") for status in answers) >= 1
    if operation["verb"] in ("PATCH", "PUT") and "412" in answers:
        headers = [found["name"] for found in operation["parameters"] if found["in"] == "header"]
        assert headers == ["If-Match", "Prefer"]


def test_every_reference_leads_somewhere():
    found = document()

    def references(value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(found):
        place = found
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_examples_are_what_their_schemas_say():
    components = document()["components"]
    count = 0
    for schema in components["schemas"].values():
        for form in schema.get("properties", {}).values():
            for example in form.get("examples", ()):
                whole = {**form, "components": components}
                jsonschema_rs.validate(whole, example)
                count += 1
    assert count > 100


@pytest.mark.parametrize("hidden", ["address", "version", "report_id"])
def test_what_the_gateway_fills_in_is_in_no_body(hidden):
    for operation in OPERATIONS.values():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            properties = document()["components"]["schemas"].get(name, {}).get("properties", {})
            assert hidden not in properties, operation["operationId"]


def details_of_errors():
    """The names of all further facts that errors are raised with, as they stand in the code."""
    names = {error.__name__ for error in (*ImpactXError.__subclasses__(), ImpactXError)}
    for package in (services, shared):
        for path in Path(package.__file__).parent.rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") in names:
                    yield from (
                        keyword.arg for keyword in call.keywords if keyword.arg not in (None, "fields")
                    )


def test_a_problem_names_every_member_that_an_error_has():
    members = {field.data_key or name for name, field in Problem().fields.items()}
    details = set(details_of_errors())
    assert {"version", "status", "remaining", "accepted"} <= details
    # A status is renamed, so that it is not taken for that of the answer; the echo is between a caller and a service.
    assert details - {"status", "echo"} | {"current_status"} <= members
    assert errors.STATUS


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ('W/"1"', 'Send "1"'),
        ("1", 'Send "1"'),
        ('"1", "2"', "one ETag"),
        ('"x"', 'such as "1"'),
        ('W/"x"', 'such as "1"'),
    ],
)
def test_an_etag_that_is_none_is_answered_with_how_to_say_it(header, says):
    with application().test_request_context(headers={"If-Match": header}):
        with pytest.raises(errors.PreconditionFailed, match=says) as failed:
            requests.version_seen()
        assert set(failed.value.fields) == {"If-Match"}
