"""Telephone numbers as people write them."""

from __future__ import annotations

import pytest

from shared.platform.phones import MAX_LENGTH, readable


@pytest.mark.parametrize(
    "number",
    [
        "+509 2812 0000",
        "(202) 555-0143",
        "202.555.0143x4567",
        "202-555-0143 #12",
        "202 555 0143 ext. 12",
        "+44 (0) 20 7946 0958",
        "555-0100",
        "112",
    ],
)
def test_a_number_that_fits_stays_as_it_is_written(number):
    assert readable(number) == number


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("202\u00a0555\u20090143", "202 555 0143"),
        (" 202  555\t0143 ", "202 555 0143"),
        ("\u200e+509 3812\u20114466\u200f", "+509 3812-4466"),
        ("\uff0b\uff15\uff10\uff19 \uff12\uff18\uff11\uff12\uff0d\uff10\uff10\uff10\uff10", "+509 2812-0000"),
        ("\u0660\u0665\u0665\u0665 \u0661\u0662\u0663 \u0664\u0665\u0666", "0555 123 456"),
        ("\u096f\u0967\u0967\u0966", "9110"),
        ("tel:+509-2812-0000", "+509 28 12 0000"),
    ],
)
def test_other_digits_blanks_and_dashes_become_plain_ones(written, stored):
    assert readable(written) == stored


@pytest.mark.parametrize(
    ("written", "country", "stored"),
    [
        ("+1 (202) 555-0143 ext 1234", None, "+1 202-555-0143x1234"),
        ("(202) 555-0143 ext. 1234", None, "2025550143 x1234"),
        ("(202) 555-0143 extension 12", "US", "+1 202-555-0143 x12"),
        ("(202) 555-0143 / (202) 555-0199", None, "(202) 555-0143"),
        ("+509 2812 0000, +509 2812 0001", None, "+509 2812 0000"),
        ("Front desk: 202-555-0143", "US", "+1 202-555-0143"),
    ],
)
def test_a_longer_one_loses_its_formatting(written, country, stored):
    assert readable(written, country) == stored
    assert len(stored) <= MAX_LENGTH


@pytest.mark.parametrize("text", ["call me", "", "-", "n/a", "12", "1" * 21, "0" * 21, "+", "()", "x12"])
def test_what_is_no_number_is_none(text):
    assert readable(text) is None
