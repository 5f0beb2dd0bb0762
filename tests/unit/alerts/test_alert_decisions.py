"""What alerts decide without a database: moves, completions, targets, templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid6 import uuid7

from services.alerts import policy, schemas, templates
from shared.client.errors import Conflict, Invalid
from shared.domain.alerts import STATUS
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.platform.schemas import load

# Written down once more, and not read from the table that it checks.
LEGAL = {
    ("draft", "pending_approval"),
    ("draft", "active"),
    ("draft", "cancelled"),
    ("pending_approval", "draft"),
    ("pending_approval", "active"),
    ("pending_approval", "cancelled"),
    ("active", "superseded"),
    ("active", "cancelled"),
    ("active", "expired"),
}


@pytest.mark.parametrize("current", STATUS.statuses)
@pytest.mark.parametrize("requested", STATUS.statuses)
def test_only_the_legal_moves_are_let_pass(current, requested):
    if (current, requested) in LEGAL:
        STATUS.check_move(current, requested)
        return
    with pytest.raises(Conflict) as caught:
        STATUS.check_move(current, requested)
    assert {(current, status) for status in caught.value.details["legal"]} == {
        move for move in LEGAL if move[0] == current
    }


@pytest.mark.parametrize(
    ("priority", "assessment"),
    [
        ("critical", ("Immediate", "Extreme", "Observed")),
        ("high", ("Expected", "Severe", "Observed")),
        ("medium", ("Expected", "Moderate", "Likely")),
        ("low", ("Future", "Minor", "Possible")),
    ],
)
def test_a_priority_stands_for_an_assessment(priority, assessment):
    found = policy.cap_fields({"priority": priority, "title": "x" * 300})
    assert (found["urgency"], found["severity"], found["certainty"]) == assessment
    assert len(found["event"]) == 255
    said = policy.cap_fields({"priority": priority, "title": "x", "severity": "Unknown", "urgency": None})
    assert (said["severity"], said["urgency"]) == ("Unknown", assessment[0])


@given(st.lists(st.sampled_from([*(policy.Target("group", f"g{n}") for n in range(3)),
                                 *(policy.Target("user", f"u{n}") for n in range(3))])))  # fmt: skip
def test_targets_stand_once_and_people_last(targets):
    found = policy.in_order(targets)
    assert set(found) == set(targets)
    assert len(found) == len(set(found))
    assert [target.target_type for target in found] == sorted(target.target_type for target in found)


def issued(targets):
    given = {"title": "x", "message": "y", "region_id": str(uuid7()), "priority": "low", "targets": targets}
    return load(schemas.IssueAlert(), given)["targets"]


def test_targets_are_bounded():
    people = [{"target_type": "user", "target_id": str(uuid7())} for _ in range(1001)]
    regions = [{"target_type": "region", "target_id": str(uuid7())} for _ in range(61)]
    assert len(issued(people[:1000])) == 1000
    assert len(issued(regions[:60])) == 60
    for wrong in (people, regions, []):
        with pytest.raises(Invalid) as caught:
            issued(wrong)
        assert set(caught.value.fields) == {"targets"}


def test_no_alert_is_for_the_reserved_region():
    reserved = str(UNKNOWN_REGION_ID)
    given = {"title": "x", "message": "y", "priority": "low"}
    with pytest.raises(Invalid) as refused:
        load(schemas.IssueAlert(), {**given, "region_id": reserved})
    assert set(refused.value.fields) == {"region_id"}
    with pytest.raises(Invalid) as refused:
        issued([{"target_type": "region", "target_id": reserved}])
    assert {name.partition(".")[0] for name in refused.value.fields} == {"targets"}
    with pytest.raises(Invalid) as refused:
        load(schemas.UpdateAlertRule(), {"rule_id": str(uuid7()), "version": 1, "region_id": reserved})
    assert set(refused.value.fields) == {"region_id"}


def test_each_language_stands_once():
    french = {"language": "fr", "title": "x", "message": "y"}
    given = {"title": "x", "message": "y", "region_id": str(uuid7()), "priority": "low"}
    assert load(schemas.IssueAlert(), {**given, "translations": [french]})
    for more in (
        {"translations": [french, french]},
        {"translations": [french], "language": "FR"},
    ):
        with pytest.raises(Invalid) as caught:
            load(schemas.IssueAlert(), {**given, **more})
        assert set(caught.value.fields) == {"translations"}


def test_a_placeholder_is_filled_once_and_nothing_else_is_looked_at():
    values = {"title": "{notes} {title.__class__} %s {0}", "notes": "secret", "region": None}
    assert templates.fill("{title}: {region}{notes}", values) == f"{values['title']}: secret"


@given(st.text(max_size=300), st.integers(min_value=1, max_value=255))
def test_a_filled_text_keeps_within_its_length(text, max_length):
    assert len(templates.fill("{title}", {"title": text}, max_length)) <= max_length


@given(st.text(alphabet="{}abtitle ", max_size=20))
def test_a_template_is_either_refused_or_filled_without_a_brace(template):
    if templates.problem_of(template, "report_status_changed") is None:
        assert not set(templates.fill(template, {"title": "x"})) & set("{}")


@pytest.mark.parametrize(
    ("types", "audience_class"),
    [
        ((), "public"),
        (("region",), "public"),
        (("user", "group", "region"), "public"),
        (("user", "group"), "restricted"),
        (("user",), "private"),
    ],
)
def test_the_class_of_an_alert_is_that_of_its_widest_target(types, audience_class):
    assert policy.class_of([policy.Target(name, "x") for name in types]) == audience_class
