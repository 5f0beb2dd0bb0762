"""What the words of a search stand for in the queries that PostgreSQL gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.platform.db.search import positive_words, replaced, required


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("'flood' & 'main' <-> 'road'", {"flood", "main", "road"}),
        ("'flood' & !'bridge'", {"flood"}),
        ("'flood' & !( 'main' <-> 'road' ) & 'water'", {"flood", "water"}),
        ("!( 'left' & ( 'right' ) ) | 'after'", {"after"}),
        ("'eau' & '避難所' & 'it''s so'", {"it's so"}),
        ("''", set()),
        ("", set()),
    ],
)
def test_the_words_that_may_stand_for_similar_ones(query, words):
    assert positive_words(query) == words


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("'watr' & !'camp'", "( 'watr' | 'water' ) & ! 'camp'"),
        ("!'watr'", "! 'watr'"),
        ("'watr' <-> 'main'", "( 'watr' | 'water' ) <-> 'main'"),
        ("'避難所'", "( '避難' & '難所' )"),
        ("'水'", "( '水':* )"),
        ("!'洪水' | 'watr'", "! ( '洪水' ) | ( 'watr' | 'water' )"),
        ("'洪水' <-> 'watr'", "( '洪水' ) & ( 'watr' | 'water' )"),
        ("'b避難a'", "( '避難' )"),
        ("'it''s'", "'it''s'"),
    ],
)
def test_each_word_stands_for_what_resembles_it(query, expected):
    assert replaced(query, {"watr": ["water"]}) == expected


@pytest.mark.parametrize(
    ("query", "words", "pairs"),
    [
        ("'a' & ( '避難' & '難所' )", "'a'", "( '避難' & '難所' )"),
        ("'a' & ! ( '避難' ) & ( 'b' | 'c' )", "'a' & ( 'b' | 'c' )", ""),
        ("( '水':* ) | 'a'", "", ""),
        ("( '避難' | 'a' ) & '洪水'", "", "'洪水'"),
    ],
)
def test_what_the_parts_of_a_query_ask_for_in_any_case(query, words, pairs):
    assert required(query) == (words, pairs)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_word_of_any_characters_stays_one_word(word, other):
    quoted = "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
    result = replaced(quoted, {word: [other]})
    assert result.count("'") % 2 == 0
    assert positive_words(quoted) <= {word}
