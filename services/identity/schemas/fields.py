"""Fields of identity: email addresses, passwords, preferences, boundaries and names of roles."""

from __future__ import annotations

import re
from typing import Any, Final

from marshmallow import ValidationError, fields

from services.identity import policy
from services.identity.geometry import check_structure
from shared.platform import texts
from shared.platform.schemas import Text

MAX_EMAIL_LENGTH: Final = 255
MAX_PASSWORD_LENGTH: Final = 1000
MAX_PREFERRED_REGIONS: Final = 200
PREFERENCE_KEYS: Final = frozenset({"regions", "all_regions", "language", "time_zone"})

# One @, no spaces or control characters, and a dot inside the domain. Other addresses that RFC 5321 allows are more
# likely typing errors.
_EMAIL = re.compile(r"[^\s@<>\"(),;:\\\[\]\x00-\x20]+@[^\s@<>\"(),;:\\\[\]]+\.[^\s@<>\"(),;:\\\[\].]{2,}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
# Not looked up, because the time zones that exist depend on the machine, and only the client needs them.
_TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]{1,30}(/[A-Za-z0-9_+\-]{1,30}){0,2}")


class Email(Text):
    """An email address. It is converted to lower case.

    Variants of letters, such as full-width ones, are converted to the letters, and the domain is encoded with IDNA. A
    non-ASCII address that looks like the address of another account counts as taken.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_EMAIL_LENGTH, **options)

    def _deserialize(self, value: Any, *more: Any, **options: Any) -> str:
        email = policy.normalise_email(super()._deserialize(value, *more, **options))
        is_address = len(email) <= MAX_EMAIL_LENGTH and _EMAIL.fullmatch(email) and ".." not in email
        if not is_address or not email.rpartition("@")[2].isascii():
            raise ValidationError("Must be an email address such as name@example.org.")
        return email


class Password(Text):
    """A password in the arguments of a call. Results never contain one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_PASSWORD_LENGTH, blank=True, verbatim=True, load_only=True, **options)


class NewPassword(Password):
    """A new password: at least 10 characters, and at most 72 bytes in UTF-8."""

    def _deserialize(self, value: Any, *more: Any, **options: Any) -> str:
        password = super()._deserialize(value, *more, **options)
        problems = policy.password_problems(password)
        if problems:
            raise ValidationError(problems)
        return password


class RoleName(Text):
    """The name of a role: lower-case letters, digits, ``_`` and ``-``, beginning with a letter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, **options)

    def _deserialize(self, value: Any, *more: Any, **options: Any) -> str:
        name = super()._deserialize(value, *more, **options)
        if not policy.ROLE_NAME.fullmatch(name):
            raise ValidationError(
                "Must consist of lower-case letters, digits, _ and -, and begin with a letter."
            )
        return name


class RegionCode(Text):
    """The code of a region, as permissions name it: up to 50 characters without spaces, colons and commas."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=50, **options)

    def _deserialize(self, value: Any, *more: Any, **options: Any) -> str:
        code = super()._deserialize(value, *more, **options)
        if not policy.REGION_CODE.fullmatch(code):
            raise ValidationError("Must not contain spaces, colons or commas.")
        return code


class Preferences(fields.Field[dict[str, Any]]):
    """The preferences of an account, as an object with any of these keys.

    - ``regions``: the codes of the regions whose alerts the account receives, at most 200;
    - ``all_regions``: whether it receives the alerts of all regions;
    - ``language``: a BCP 47 tag such as ``fr`` or ``ht-HT``;
    - ``time_zone``: a name of the IANA time zone database such as ``America/Port-au-Prince``.
    """

    def _deserialize(self, value: Any, *_more: Any, **_options: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        problems: dict[str, list[str]] = {
            str(key): ["Unknown preference."] for key in value.keys() - PREFERENCE_KEYS
        }
        for key, problem in (
            ("regions", _regions_problem(value.get("regions", []))),
            ("all_regions", _truth_problem(value.get("all_regions", False))),
            ("language", _tag_problem(value.get("language", "en"), _LANGUAGE, "language such as ht-HT")),
            (
                "time_zone",
                _tag_problem(value.get("time_zone", "UTC"), _TIME_ZONE, "time zone such as Europe/Rome"),
            ),
        ):
            if problem:
                problems[key] = [problem]
        if problems:
            raise ValidationError(problems)
        return (
            {**value, "regions": sorted({texts.clean(code, lines=False) for code in value["regions"]})}
            if "regions" in value
            else dict(value)
        )


class Boundaries(fields.Field[dict[str, Any]]):
    """Boundaries as GeoJSON ``Polygon`` or ``MultiPolygon``, at most 20,000 positions, every ring closed."""

    def _deserialize(self, value: Any, *_more: Any, **_options: Any) -> dict[str, Any]:
        return check_structure(value)


def _regions_problem(value: Any) -> str:
    if not isinstance(value, list) or len(value) > MAX_PREFERRED_REGIONS:
        return f"Must be a list of at most {MAX_PREFERRED_REGIONS} region codes."
    for code in value:
        if not isinstance(code, str) or not policy.REGION_CODE.fullmatch(texts.clean(code, lines=False)):
            return "Must be a list of region codes."
    return ""


def _truth_problem(value: Any) -> str:
    return "" if isinstance(value, bool) else "Must be true or false."


def _tag_problem(value: Any, pattern: re.Pattern[str], what: str) -> str:
    valid = isinstance(value, str) and pattern.fullmatch(value) is not None
    return "" if valid else f"Must be a {what}."
