"""SQL of the word search, for the revisions of the services whose things are searched.

Frozen: revisions that have been released call these functions, and what they ran must stay what they run. A change
is a new function beside the old one and a new revision that applies it.
"""

from __future__ import annotations

from typing import Final

UNSPACED: Final = (
    "[\\u0e00-\\u0fff\\u1000-\\u109f\\u1780-\\u17ff\\u3005\\u3007\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff"
    "\\uac00-\\ud7a3\\uf900-\\ufaff\\U00020000-\\U000323af]"
)
"""The characters, as a regular expression, of scripts that set no blanks between words.

Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese; and Korean, which joins particles to its words.
"""

MAX_WORD_LENGTH: Final = 64
"""Characters; what is longer is no word that anybody searches for."""


def configuration(schema: str) -> tuple[str, ...]:
    """Make the text search configuration ``words``: words of no language, without case and accents."""
    return (
        f"CREATE TEXT SEARCH CONFIGURATION {schema}.words (COPY = pg_catalog.simple)",
        f"""
        ALTER TEXT SEARCH CONFIGURATION {schema}.words
            ALTER MAPPING FOR word, hword, hword_part WITH extensions.unaccent, pg_catalog.simple
        """,
    )


def grams(schema: str) -> str:
    """Make the function ``grams``: every two neighbouring characters of unspaced scripts in two texts, as a vector.

    The last character of a run stands alone besides, so that each character begins one of them.
    """
    written = "(first || ' ' || second)"
    return f"""
        CREATE FUNCTION {schema}.grams(first text, second text) RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$
            SELECT CASE WHEN {written} ~ '{UNSPACED}' THEN (
                SELECT pg_catalog.array_to_tsvector(COALESCE(pg_catalog.array_agg(DISTINCT pairs.pair), '{{}}'))
                FROM (
                    SELECT characters.one || COALESCE(
                        lead(characters.one) OVER (PARTITION BY runs.number ORDER BY characters.number), ''
                    ) AS pair
                    FROM pg_catalog.regexp_matches({written}, '{UNSPACED}+', 'g')
                        WITH ORDINALITY AS runs (run, number)
                    CROSS JOIN LATERAL pg_catalog.string_to_table(runs.run[1], NULL)
                        WITH ORDINALITY AS characters (one, number)
                ) AS pairs
            ) ELSE '' END
        $$
    """


def words_table(schema: str) -> tuple[str, ...]:
    """Make the table ``search_words``: every word that was written, to find those that resemble what is searched."""
    return (
        f"CREATE TABLE {schema}.search_words (word varchar({MAX_WORD_LENGTH}) NOT NULL)",
        f"""
        COMMENT ON TABLE {schema}.search_words IS
            'Words that were written, for a search to find those that are nearly or in part what is searched.'
        """,
        f"CREATE INDEX idx_search_words_word ON {schema}.search_words (word)",
        f"""
        CREATE INDEX idx_search_words_trigrams ON {schema}.search_words
            USING gin (word extensions.gin_trgm_ops)
        """,
    )


def new_words(schema: str, vectors: str) -> str:
    """Put words that are new into ``search_words``.

    Two transactions may put in the same word at the same time. That is harmless, and none waits for the other, as it
    would for a unique key.

    Args:
        schema: Of the service.
        vectors: A table expression with a column ``lexeme``.
    """
    return f"""
        INSERT INTO {schema}.search_words (word)
        SELECT DISTINCT written.lexeme FROM {vectors} AS written
        WHERE char_length(written.lexeme) BETWEEN 3 AND {MAX_WORD_LENGTH}
            AND written.lexeme !~ '^[0-9.,:+-]+$'
            AND written.lexeme !~ '{UNSPACED}'
            AND NOT EXISTS (SELECT FROM {schema}.search_words known WHERE known.word = written.lexeme)
    """


def keeping_words(schema: str, table: str, vector: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Make the triggers that put the words of a table into ``search_words``.

    Args:
        schema: Of the service.
        table: Whose texts are searched.
        vector: The words of a row ``n`` of it, as a text search vector.
        columns: Those that are searched.
    """
    inserted = f"(SELECT found.lexeme FROM new_rows n CROSS JOIN LATERAL unnest({vector}) AS found)"
    updated = f"(SELECT found.lexeme FROM (SELECT NEW.*) AS n CROSS JOIN LATERAL unnest({vector}) AS found)"
    changed = " OR ".join(f"OLD.{column} <> NEW.{column}" for column in columns)
    return (
        f"""
        CREATE FUNCTION {schema}.keep_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {new_words(schema, inserted)};
            RETURN NULL;
        END
        $$
        """,
        f"""
        CREATE TRIGGER keep_search_words AFTER INSERT ON {schema}.{table}
            REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION {schema}.keep_search_words()
        """,
        f"""
        CREATE FUNCTION {schema}.keep_changed_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {new_words(schema, updated)};
            RETURN NULL;
        END
        $$
        """,
        f"""
        CREATE TRIGGER keep_changed_search_words AFTER UPDATE ON {schema}.{table}
            FOR EACH ROW WHEN ({changed})
            EXECUTE FUNCTION {schema}.keep_changed_search_words()
        """,
    )


def near_words(schema: str) -> str:
    """Make the function ``near_words``: the words that contain a word, or are it but for a typing error.

    Errors are told by the edit distance: 1 in a word of fewer than 8 letters, else 2; two letters that changed places
    count as one. Of a word that was written as it is searched, only those with its first letter and at a distance of 1
    are taken for it, and of 4 letters only longer ones, so that searching `rain` finds neither `main` nor `ruin`. At
    most 50 words.
    """
    pattern = r"'%' || replace(replace(replace(searched, '\', '\\'), '%', '\%'), '_', '\_') || '%'"

    def letters(word: str) -> str:
        return f"(SELECT array_agg(letter ORDER BY letter) FROM string_to_table({word}, NULL) AS letter)"

    return f"""
        CREATE FUNCTION {schema}.near_words(searched text) RETURNS SETOF text LANGUAGE sql STABLE
        SET pg_trgm.similarity_threshold = 0.2
        AS $$
            SELECT near.word FROM (
                SELECT DISTINCT
                    known.word::text AS word,
                    known.word LIKE {pattern} AS contains,
                    extensions.levenshtein(known.word, searched) AS distance
                FROM {schema}.search_words known
                WHERE char_length(searched) BETWEEN 4 AND {MAX_WORD_LENGTH}
                    AND (known.word LIKE {pattern} OR known.word::text OPERATOR(extensions.%) searched)
            ) AS near
            CROSS JOIN (
                SELECT EXISTS (SELECT FROM {schema}.search_words known WHERE known.word = searched) AS is_known
            ) AS typed
            WHERE near.word <> searched AND (
                near.contains
                OR typed.is_known AND near.distance = 1 AND left(near.word, 1) = left(searched, 1)
                    AND (char_length(searched) >= 5 OR char_length(near.word) > char_length(searched))
                OR NOT typed.is_known AND (
                    near.distance <= CASE WHEN char_length(searched) < 8 THEN 1 ELSE 2 END
                    OR near.distance = 2 AND {letters("near.word")} = {letters("searched")}
                )
            )
            ORDER BY near.contains DESC, near.distance, near.word
            LIMIT 50
        $$
    """
