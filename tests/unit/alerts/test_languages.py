"""Which of the texts of an alert a person is shown."""

from __future__ import annotations

import pytest

from services.alerts.languages import best_of, text_in

ALERT = {
    "language": "en-US",
    "title": "High water",
    "message": "Go to higher ground.",
    "instruction": "Leave now.",
    "translations": [
        {"language": "fr", "title": "Inondation", "message": "Montez.", "instruction": "Partez."},
        {"language": "ht-HT", "title": "Gwo dlo", "message": "Monte wo."},
    ],
}


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (None, "en-US"),
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-HT", "fr"),
        ("ht", "ht-HT"),
        ("ht-CA", "ht-HT"),
        ("en", "en-US"),
        ("es", "en-US"),
        ("f", "en-US"),
    ],
)
def test_a_person_is_shown_the_language_that_serves_theirs_best(wanted, shown):
    assert text_in(ALERT, wanted)["language"] == shown


def test_the_most_specific_of_several_wins():
    assert best_of(["pt", "pt-BR", "pt-PT"], "pt-PT") == "pt-PT"
    assert best_of(["pt-BR", "pt"], "pt-PT") == "pt"


def test_an_instruction_that_was_not_translated_is_not_shown_in_another_language():
    assert text_in(ALERT, "ht") == {
        "language": "ht-HT",
        "title": "Gwo dlo",
        "message": "Monte wo.",
        "instruction": None,
    }
