"""Telephone numbers as people write them, made to fit: one rule for accounts, resources and imports."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

MAX_LENGTH: Final = 20
"""Characters that the specification's columns hold."""

MAX_DIGITS: Final = 15
"""Of a number with its country code (ITU-T E.164)."""

MIN_DIGITS: Final = 3
"""Of a number that somebody answers, such as 112."""

_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff70\u2500"), "-")
_WRITTEN: Final = re.compile(
    r"(?P<number>\+?[0-9(][0-9 ().\-/]*)"
    r"(?:(?:[ ,;]*(?:x|ext|extn|extension|poste|anexo|interno)[ .:=]*| ?# ?|;ext=)(?P<extension>[0-9]{1,8}))?",
    re.IGNORECASE,
)
_SEVERAL: Final = re.compile(r"[;,|\n]|\s/\s|\bor\b|\band\b|\bou\b|\bet\b|\by\b|\bo\b", re.IGNORECASE)


def readable(text: str, country: str | None = None) -> str | None:
    """The number in at most 20 characters; None where the text is no telephone number, or none that fits.

    It stays as it is written, but for blanks, dashes and digits of other scripts. Only a longer one loses its
    formatting; of several that do not fit together the first stays.

    Args:
        text: As somebody wrote it.
        country: Where a number without a country code is from, as two letters (ISO 3166).
    """
    plain = _plain(text)
    found = _fitting(plain, country)
    if found is None and _SEVERAL.search(plain):
        parts = (part.strip() for part in _SEVERAL.split(plain))
        found = next((fit for part in parts if part and (fit := _fitting(part, country))), None)
    return found


def _plain(text: str) -> str:
    """The text with plain digits, dashes and blanks, without marks that are not seen."""
    characters = (
        str(unicodedata.decimal(character))
        if unicodedata.category(character) == "Nd"
        else ""
        if unicodedata.category(character) in ("Cf", "Cc") and not character.isspace()
        else character
        for character in unicodedata.normalize("NFKC", text).translate(_DASHES)
    )
    return " ".join("".join(characters).split())


def _fitting(plain: str, country: str | None) -> str | None:
    written = _WRITTEN.fullmatch(plain)
    if written is None:
        return _international(plain, country)
    digits = re.sub("[^0-9]", "", written["number"])
    if len(digits) < MIN_DIGITS:
        return None
    if len(plain) <= MAX_LENGTH:
        return plain
    if len(digits) > MAX_DIGITS:
        return None
    found = _international(plain, country)
    if found is None:
        plus = "+" if plain.startswith("+") else ""
        found = _with_extension(plus + digits, written["extension"])
    return found


def _international(plain: str, country: str | None) -> str | None:
    """The number with its country code, if that is known, formatted as far as there is room."""
    try:
        number = phonenumbers.parse(plain, country)
    except NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    bare = phonenumbers.PhoneNumber(
        country_code=number.country_code,
        national_number=number.national_number,
        italian_leading_zero=number.italian_leading_zero,
        number_of_leading_zeros=number.number_of_leading_zeros,
    )
    for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164):
        found = _with_extension(phonenumbers.format_number(bare, form), number.extension)
        if found is not None:
            return found
    return None


def _with_extension(number: str, extension: str | None) -> str | None:
    found = f"{number} x{extension}" if extension else number
    if len(found) > MAX_LENGTH and extension:
        found = f"{number}x{extension}"
    return found if len(found) <= MAX_LENGTH else None
