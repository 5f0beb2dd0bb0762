"""The decisions of identity: what a permission covers, what a password must be, how long a guesser waits.

Nothing here touches a database, a clock or a token.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import idna

from shared.domain.permissions import EVERYTHING, PERMISSIONS, REGIONAL_THINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

Grants = dict[str, frozenset["UUID"] | None]
"""What somebody may: ``thing:verb`` to the regions it is narrowed to, or None for every region."""

SHORTEST_PASSWORD: Final = 10
MAX_PASSWORD_BYTES: Final = 72
MIN_DIFFERENT_CHARACTERS: Final = 4

FORGET_FAILURES_AFTER: Final = 24 * 3600
"""Seconds without a failure after which the failures before are forgotten."""

FORGET_ADDRESS_AFTER: Final = 90 * 24 * 3600
"""Seconds without a sign-in after which an address is not known for an account any more."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and how long the next attempt waits after more.

    Attributes:
        free: Failures without a wait.
        max_wait: Seconds to which the wait doubles, from one second.
        forgiven_every: Seconds in which one failure is forgiven; 0 forgives none before `FORGET_FAILURES_AFTER`.
    """

    free: int
    max_wait: int
    forgiven_every: float = 0.0

    def wait_after(self, failures: int) -> int:
        """Return for how many seconds the next attempt is refused after so many failures."""
        excess = failures - self.free
        return 0 if excess < 0 else min(self.max_wait, 1 << min(excess, 30))


UNKNOWN_CLIENT: Final = Limit(free=5, max_wait=900)
"""Of one account from one address, or over RPC without an address, from where its owner has not signed in lately."""

KNOWN_CLIENT: Final = Limit(free=5, max_wait=60)
"""Of one account from a device or an address from where its owner has signed in. The wait is short because the
owner may be the one who waits."""

ALL_UNKNOWN_CLIENTS: Final = Limit(free=50, max_wait=900, forgiven_every=1800)
"""Of one account from all unknown clients together: what slows a guesser who has many addresses."""

ADDRESS: Final = Limit(free=100, max_wait=30, forgiven_every=30)
"""Of all accounts from one address, behind which a whole field office may sit: what slows a guesser who tries a few
passwords with many accounts."""

TAKEN_ADDRESSES: Final = Limit(free=20, max_wait=900, forgiven_every=3600)
"""Answers to registrations from one address that an e-mail address is taken: what slows somebody who wants to know who
has an account."""

REGISTRATIONS_OF_CLIENT: Final = Limit(free=60, max_wait=60, forgiven_every=30)
REGISTRATIONS: Final = Limit(free=300, max_wait=5, forgiven_every=0.2)
"""Registrations by people who are not signed in: from one address, and in total."""

REGION_CODE: Final = re.compile(r"[^\s:,]{1,50}")
ROLE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission as a role holds it.

    Attributes:
        name: ``thing:verb``, ``thing:*`` or ``*``.
        region_code: The one region it is narrowed to, or None for every region.
    """

    name: str
    region_code: str | None

    @classmethod
    def parse(cls, text: str) -> Permission | None:
        """What a text such as ``report:change_status:HT-OUEST`` means; None if it is no permission."""
        if text == EVERYTHING:
            return cls(EVERYTHING, None)
        thing, _, rest = text.partition(":")
        verb, narrowed, code = rest.partition(":")
        if verb == "*":
            known = any(name.startswith(f"{thing}:") for name in PERMISSIONS)
        else:
            known = f"{thing}:{verb}" in PERMISSIONS
        if narrowed:
            known = known and thing in REGIONAL_THINGS and REGION_CODE.fullmatch(code) is not None
        if not known:
            return None
        return cls(f"{thing}:{verb}", code or None)


def combine(
    granted: Iterable[str], region_ids: Mapping[str, UUID], *, count_missing_regions: bool = False
) -> Grants:
    """Return what somebody may do who holds all of these permissions.

    Args:
        granted: Permissions as roles hold them, narrowed or not.
        region_ids: The id of every region code that they name.
        count_missing_regions: Whether a permission that is narrowed to a region that does not exist counts as one
            for every region, because the region can be made later. By default it grants nothing.

    Returns:
        The grants; a permission held everywhere swallows what the same one is narrowed to.
    """
    grants: Grants = {}
    for text in granted:
        permission = Permission.parse(text)
        if permission is None:  # withdrawn since it was granted
            continue
        if permission.region_code is None:
            grants[permission.name] = None
        elif permission.region_code in region_ids:
            held = grants.get(permission.name, frozenset())
            if held is not None:
                grants[permission.name] = held | {region_ids[permission.region_code]}
        elif count_missing_regions:
            grants[permission.name] = None
    return grants


def covers(held: Mapping[str, frozenset[UUID] | None], wanted: Mapping[str, frozenset[UUID] | None]) -> bool:
    """Whether everything that ``wanted`` allows is allowed by ``held`` too: nobody gives what they lack."""
    return all(_covers_one(held, name, regions) for name, regions in wanted.items())


def _covers_one(
    held: Mapping[str, frozenset[UUID] | None], name: str, regions: frozenset[UUID] | None
) -> bool:
    names = {EVERYTHING, name, f"{name.partition(':')[0]}:*"}
    if name == EVERYTHING:
        names = {EVERYTHING}
    reached: frozenset[UUID] = frozenset()
    for candidate in names & held.keys():
        own = held[candidate]
        if own is None:
            return True
        reached |= own
    return regions is not None and regions <= reached


def normalise_email(text: str) -> str:
    """Return the form in which an e-mail address is stored and compared.

    Variants of a letter, such as full-width ones, become the letter (NFKC), upper case becomes lower case, blanks
    around it go, and a domain with other letters than ASCII is written as IDNA has it (``xn--…``).
    """
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).lower())
    local, at, domain = composed.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:  # the schema refuses what is left
            return composed
    return f"{local}{at}{domain}"


def password_problems(password: str, email: str = "") -> list[str]:
    """Why the password cannot be taken, in sentences; an empty list accepts it.

    At least ten characters, after NIST SP 800-63B (length counts, composition rules do not). bcrypt reads 72
    bytes and ignores the rest, so more than that is refused rather than cut.
    """
    problems = []
    if len(password) < SHORTEST_PASSWORD:
        problems.append(f"Must have at least {SHORTEST_PASSWORD} characters.")
    if len(encode_password(password)) > MAX_PASSWORD_BYTES:
        problems.append(f"Must have at most {MAX_PASSWORD_BYTES} bytes in UTF-8.")
    if problems:
        return problems
    if len(set(password)) < MIN_DIFFERENT_CHARACTERS:
        problems.append(f"Must have at least {MIN_DIFFERENT_CHARACTERS} different characters.")
    if email and normalise_email(password) in (email, email.partition("@")[0]):
        problems.append("Must not be the e-mail address.")
    return problems


def encode_password(password: str) -> bytes:
    """The bytes that are hashed: keyboards differ in how they compose an accented letter."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
