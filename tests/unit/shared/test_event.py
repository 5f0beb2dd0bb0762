"""An event is read off the wire as it was put there, or refused with a reason; never anything else."""

import datetime as dt
import threading
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.domain
from shared.client.events import PREFIX
from shared.platform.outbox import subscribe
from shared.platform.outbox.event import ContractViolation, event_of, headers_of

EXAMPLE = (Path(shared.domain.__file__).parent / "examples/reports/report_created.json").read_bytes()
SUBJECT = uuid4()
MOMENT = dt.datetime(2026, 1, 31, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def headers(**changed):
    made = headers_of(
        service="reports",
        event_id=uuid4(),
        event_type="report_created",
        subject=SUBJECT,
        sequence=3,
        time=MOMENT,
        correlation_id="case-7",
        traceparent=None,
    )
    return made | {PREFIX + name: value for name, value in changed.items()}


def test_an_event_comes_back_from_the_wire():
    event = event_of(EXAMPLE, headers())
    assert (event.source, event.type, event.subject, event.sequence) == (
        "reports",
        "report_created",
        SUBJECT,
        3,
    )
    assert (event.time, event.correlation_id) == (MOMENT, "case-7")


def test_headers_name_the_contract_and_leave_out_what_is_not_known():
    made = headers()
    assert made[PREFIX + "dataschema"] == "urn:impactx:event:reports:report_created:1"
    assert made[PREFIX + "specversion"] == "1.0"
    assert PREFIX + "traceparent" not in made


def test_what_a_later_version_adds_is_let_pass():
    data = orjson.loads(EXAMPLE) | {"added_later": {"deep": [1]}}
    assert event_of(orjson.dumps(data), headers()).data["added_later"] == {"deep": [1]}


@pytest.mark.parametrize("missing", ["source", "type", "id", "subject", "sequence", "time"])
def test_a_missing_attribute_is_a_violation(missing):
    incomplete = headers()
    del incomplete[PREFIX + missing]
    with pytest.raises(ContractViolation, match=missing):
        event_of(EXAMPLE, incomplete)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "7"},
        {"id": None},
        {"subject": ["x"]},
        {"sequence": "first"},
        {"sequence": None},
        {"time": "noon"},
        {"time": 7},
        {"source": {}},
        {"type": ["report_created"]},
        {"source": "nobody"},
        {"type": "report_imagined"},
    ],
)
def test_a_wrong_attribute_is_a_violation(wrong):
    with pytest.raises(ContractViolation):
        event_of(EXAMPLE, headers(**wrong))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"[" * 5000 + b"]" * 5000])
def test_a_body_that_is_no_object_is_a_violation(body):
    with pytest.raises(ContractViolation):
        event_of(body, headers())


# A later version added `review_reasons`, so events of before are without it.
@pytest.mark.parametrize("field", sorted(orjson.loads(EXAMPLE).keys() - {"review_reasons"}))
def test_a_missing_fact_is_a_violation_that_names_it(field):
    data = orjson.loads(EXAMPLE)
    del data[field]
    with pytest.raises(ContractViolation, match=field):
        event_of(orjson.dumps(data), headers())


@given(
    st.dictionaries(
        st.sampled_from([PREFIX + name for name in ("source", "type", "id", "subject", "sequence", "time")]),
        st.none() | st.text() | st.integers() | st.booleans() | st.binary() | st.lists(st.text()),
    ),
    st.binary(max_size=100),
)
def test_anything_at_all_is_an_event_or_a_violation(changed, body):
    with pytest.raises(ContractViolation):
        event_of(body, headers() | changed)


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_a_large_event_is_parsed_in_a_native_thread_so_that_others_have_their_turn(monkeypatch, size):
    threads = []

    def recorded(body, given):
        threads.append(threading.get_ident())
        return event_of(body, given)

    monkeypatch.setattr(subscribe, "event_of", recorded)
    body = orjson.dumps(orjson.loads(EXAMPLE) | {"later": "x" * size})
    assert subscribe._read(body, headers()).data["later"] == "x" * size
    assert (threads == [threading.get_ident()]) is (size == 0)
    with pytest.raises(ContractViolation):
        subscribe._read(b"{" + b" " * size, headers())
