"""The golden examples of identity's events say what the contracts say, and nothing about persons."""

from pathlib import Path

import orjson
import pytest

import shared.domain
from shared.domain import identity
from shared.domain.permissions import PERMISSIONS, REGIONAL_THINGS

EXAMPLES = Path(shared.domain.__file__).parent / "examples" / "identity"
PERSONAL = {"email", "first_name", "last_name", "phone", "password_hash"}


def test_there_is_an_example_of_every_event_and_of_nothing_else():
    assert {path.stem for path in EXAMPLES.iterdir()} == {contract.name for contract in identity.EVENTS}


@pytest.mark.parametrize("contract", identity.EVENTS, ids=lambda contract: contract.name)
def test_an_example_holds_exactly_the_declared_fields(contract):
    example = orjson.loads((EXAMPLES / f"{contract.name}.json").read_bytes())
    assert contract.schema().validate(example) == {}
    assert set(example) == set(contract.schema().fields)
    assert not PERSONAL & set(example)


def test_only_things_that_there_are_can_be_narrowed():
    assert {name.partition(":")[0] for name in PERMISSIONS} >= REGIONAL_THINGS
