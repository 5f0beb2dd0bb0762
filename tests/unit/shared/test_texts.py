"""Texts hold what can be seen, in one form, whatever script they are in."""

# ruff: noqa: RUF001 - people write in every script

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform import texts

VISIBLE_FORMAT_CHARACTERS = {
    *range(0x0600, 0x0606),
    0x06DD,
    0x070F,
    0x0890,
    0x0891,
    0x08E2,
    0x110BD,
    0x110CD,
    *range(0x13430, 0x13440),
}
"""Format characters that show a sign or arrange the signs of a script: Arabic, Syriac, Kaithi, hieroglyphs."""


def clean(text):
    return texts.clean(text, lines=True)


def test_every_control_and_format_character_goes_but_the_visible_ones():
    # Which ones there are depends on the Unicode version of this Python.
    known = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Cc", "Cf")}
    line_ends = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85}
    kept = {code for code in known if clean(f"a{chr(code)}b") != "ab"}
    assert kept == (VISIBLE_FORMAT_CHARACTERS | line_ends) & known


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم",  # Persian, with a non-joiner
        "ශ්‍රී ලංකාව",  # Sinhala, with a joiner
        "क्‍ष",
        "👩‍🚒 👨‍👩‍👧 🏳️‍🌈 ❤️‍🔥",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "避難所 ຫຼວງ น้ำท่วม مستشفى",
        "Lekòl nasyonal, 12–14 rue de l’Église",
        "two lines\n\tand a tab",
    ],
)
def test_what_people_write_stays_as_it_is(text):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("ad\u200dmin", "admin"),
        ("ad\u200cmin", "admin"),
        ("e\u0301cole", "\u00e9cole"),
        ("e\u200d\u0301cole", "\u00e9cole"),
        ("می\u200c\u200c\u200dخواهم", "می\u200cخواهم"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("\u2068Ada\u2069", "Ada"),
        ("a\ufffeb\ufdd0c\U0010ffffd", "abcd"),
        ("x\U000e0067\U000e007f", "x"),
        ("a\u2028b\x85c\x0bd\x0ce\rf\r\ng", "a\nb\nc\nd\ne\nf\ng"),
    ],
    ids=ascii,
)
def test_what_cannot_be_seen_goes(written, stored):
    assert clean(written) == stored


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_cleaning_twice_changes_nothing_more(text, lines):
    once = texts.clean(text, lines=lines)
    assert texts.clean(once, lines=lines) == once


@given(
    st.text(
        st.sampled_from("aé\u0301\u00e9\u200c\u200d\u0627\U0001f3f4\U000e0067\U000e007f\u1e00\u1100\u1161"),
        max_size=8,
    )
)
def test_cleaning_joiners_and_accents_twice_changes_nothing_more(text):
    once = clean(text)
    assert clean(once) == once


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_ascii_is_not_touched(text):
    assert texts.clean(text, lines=False) is text
