"""A dead letter is the message as it was, with headers that say what went wrong."""

import datetime as dt
import traceback
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from shared.client.errors import NotFound
from shared.platform.outbox.dead_letters import PREFIX, DeadLetters, dead_letter


@dataclass
class Message:
    body: object = b'{"a": 1}'
    headers: dict = field(default_factory=lambda: {"cloudEvents_type": "report_created"})
    properties: dict = field(default_factory=lambda: {"message_id": "m1"})
    delivery_info: dict = field(
        default_factory=lambda: {"exchange": "reports.events", "routing_key": "report_created"}
    )


def failure(text="it broke"):
    try:
        int(text)
    except ValueError as error:
        return error, traceback.format_exception(error)


def test_the_letter_keeps_the_message_and_says_what_went_wrong():
    error, trace = failure()
    letter = dead_letter(Message(), "reports.history", error, trace, 5)
    assert (letter.body, letter.message_id) == (b'{"a": 1}', "m1")
    assert (letter.exchange, letter.routing_key) == ("reports.dead-letters", "reports.history.dead")
    assert letter.headers["cloudEvents_type"] == "report_created"
    said = {
        name.removeprefix(PREFIX): value for name, value in letter.headers.items() if name.startswith(PREFIX)
    }
    assert said["queue"] == "reports.history"
    assert (said["exchange"], said["routing-key"]) == ("reports.events", "report_created")
    assert said["error"] == "ValueError: invalid literal for int() with base 10: 'it broke'"
    assert "test_dead_letter.py" in said["traceback"]
    assert said["tries"] == 5
    assert dt.datetime.fromisoformat(said["died-at"]).tzinfo is not None


def test_a_body_that_was_decoded_is_bytes_again():
    error, trace = failure()
    assert dead_letter(Message(body="ü"), "reports.history", error, trace, 5).body == "ü".encode()


def test_a_message_without_anything_still_makes_a_letter_that_can_be_named():
    error, trace = failure()
    first, second = (dead_letter(Message(b"", {}, {}, {}), "reports.history", error, trace, 5) for _ in "ab")
    assert first.body == b""
    assert UUID(first.message_id) != UUID(second.message_id)


def test_a_boundless_message_does_not_make_a_boundless_letter():
    """In bytes, for that is what a frame is measured in."""
    error, trace = failure("救" * 1_000_000)
    headers = {"padding": "救" * 40_000, "cloudEvents_type": "report_created", "more": ["x" * 90_000]}
    letter = dead_letter(Message(headers=headers), "reports.history", error, trace, 5)
    assert sum(len(f"{name}{value}".encode()) for name, value in letter.headers.items()) < 100_000
    assert letter.headers["cloudEvents_type"] == "report_created"
    assert letter.headers[PREFIX + "error"].startswith("ValueError")


def test_a_queue_that_is_not_there_is_said_with_those_that_are():
    with pytest.raises(NotFound, match=r"reports\.history"):
        DeadLetters("memory://", "reports.histroy")
