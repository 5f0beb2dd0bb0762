"""Every event has a golden example, and both ends agree on it: what is published is what a handler reads."""

import datetime as dt
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest

import shared.domain
from shared.client.events import PREFIX
from shared.domain import CONTRACTS
from shared.platform.outbox.event import ContractViolation, event_of, headers_of

EXAMPLES = Path(shared.domain.__file__).parent / "examples"
every_contract = pytest.mark.parametrize(
    "contract", CONTRACTS.values(), ids=lambda one: f"{one.source}.{one.name}"
)


def example_of(contract):
    return (EXAMPLES / contract.source / f"{contract.name}.json").read_bytes()


def published(contract, body):
    """The event as the relay sends it and a handler gets it."""
    data = orjson.loads(body)
    headers = headers_of(
        service=contract.source,
        event_id=uuid4(),
        event_type=contract.name,
        subject=uuid4(),
        sequence=data.get("version", 1),
        time=dt.datetime.now(dt.UTC),
        correlation_id="example",
        traceparent=None,
    )
    return event_of(body, headers)


def test_there_is_an_example_of_every_event_and_of_nothing_else():
    found = {(path.parent.name, path.stem) for path in EXAMPLES.glob("*/*.json")}
    assert found == CONTRACTS.keys()


@every_contract
def test_a_handler_reads_the_example(contract):
    event = published(contract, example_of(contract))
    assert (event.source, event.type) == (contract.source, contract.name)
    assert isinstance(event.data["version"], int)


@every_contract
def test_the_example_holds_exactly_what_is_declared(contract):
    assert set(orjson.loads(example_of(contract))) == set(contract.schema().fields)


@every_contract
def test_what_is_read_is_what_was_written(contract):
    """Ids and times are converted on the way in; written again they are the example."""
    event = published(contract, example_of(contract))
    assert orjson.loads(orjson.dumps(event.data)) == orjson.loads(example_of(contract))


@every_contract
def test_a_fact_that_a_later_version_adds_is_let_pass(contract):
    body = orjson.dumps(orjson.loads(example_of(contract)) | {"added_later": [1, {"deep": None}]})
    assert published(contract, body).data["added_later"] == [1, {"deep": None}]


@every_contract
def test_without_any_one_of_its_facts_it_is_no_such_event(contract):
    data = orjson.loads(example_of(contract))
    required = [name for name, field in contract.schema().fields.items() if field.required]
    assert required
    for fact in required:
        with pytest.raises(ContractViolation, match=fact):
            published(contract, orjson.dumps({name: value for name, value in data.items() if name != fact}))


@every_contract
def test_ids_are_ids(contract):
    event = published(contract, example_of(contract))
    for name, field in contract.schema().fields.items():
        if type(field).__name__ == "Identifier" and event.data[name] is not None:
            assert isinstance(event.data[name], UUID)


@every_contract
def test_the_schema_is_named_with_its_version(contract):
    assert contract.dataschema == f"urn:impactx:event:{contract.source}:{contract.name}:{contract.version}"
    assert PREFIX == "cloudEvents_"
