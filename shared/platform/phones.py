"""The rule for telephone numbers of accounts, resources and imports: any notation, at most 20 characters."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

MAX_LENGTH: Final = 20
"""The number of characters that the columns of the specification hold."""

MAX_DIGITS: Final = 15
"""The number of digits of a number with its country code (ITU-T E.164)."""

MIN_DIGITS: Final = 3
"""The number of digits of the shortest numbers in use, such as 112."""

_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff70\u2500"), "-")
_WRITTEN: Final = re.compile(
    r"(?P<number>\+?[0-9(][0-9 ().\-/]*)"
    r"(?:(?:[ ,;]*(?:x|ext|extn|extension|poste|anexo|interno)[ .:=]*| ?# ?|;ext=)(?P<extension>[0-9]{1,8}))?",
    re.IGNORECASE,
)
_SEVERAL: Final = re.compile(r"[;,|\n]|\s/\s|\bor\b|\band\b|\bou\b|\bet\b|\by\b|\bo\b", re.IGNORECASE)


def readable(text: str, country: str | None = None) -> str | None:
    """Return the telephone number in at most 20 characters.

    The notation is kept, except that spaces, dashes and digits of other scripts become plain ones. A number that is
    longer loses its formatting. Of several numbers that do not fit together, the first is returned.

    Args:
        text: The text as it was written.
        country: The country of a number without a country code, as two letters (ISO 3166).

    Returns:
        The number; None where the text is not a telephone number, or not one that fits.
    """
    plain = _plain(text)
    found = _fitting(plain, country)
    if found is None and _SEVERAL.search(plain):
        parts = (part.strip() for part in _SEVERAL.split(plain))
        found = next((fit for part in parts if part and (fit := _fitting(part, country))), None)
    return found


def _plain(text: str) -> str:
    """Return the text with plain digits, dashes and spaces, without invisible characters."""
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
    """Return the number with its country code, if that is known, formatted as far as there is room."""
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
