"""Whatever is sent to any operation: no fault, no answer that is not documented, nothing of another form."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.gateway import OPERATIONS


def wrong_input_is_refused(context, response, case):
    """As schemathesis has it, but for two things that it does not know.

    That no version is as If-Match says is a refusal too; and in a query a lone text is a list of one.
    """
    lone = any(
        isinstance((case.query or {}).get(parameter["name"]), str)
        for parameter in case.operation.definition.raw.get("parameters", [])
        if parameter.get("in") == "query" and parameter.get("schema", {}).get("type") == "array"
    )
    return None if response.status_code == 412 or lone else negative_data_rejection(context, response, case)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    wrong_input_is_refused,
]
EXAMPLES = 5
DESTRUCTIVE = frozenset(
    {"change_password", "reset_password", "deactivate_user", "revoke_role", "set_role_permissions", "revoke"}
)
"""They could shut out the person who tries everything."""


@pytest.fixture(scope="module")
def api(system):
    """The operations of the document by their ids."""
    loaded = schemathesis.openapi.from_dict(system.document)
    loaded.config.update(base_url=system.url)
    found = (result.ok() for result in loaded.get_all_operations())
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.fixture(scope="module")
def token(system):
    return system.person("administrator").token


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - DESTRUCTIVE))
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_any_input(api, token, name, mode):
    @given(case=api[name].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def every_case(case):
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS, timeout=30)

    try:
        every_case()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # there is nothing that could be wrong with no input
