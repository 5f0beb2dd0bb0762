"""The decisions of identity: what a permission covers, which passwords are accepted, how long failed attempts wait.

Nothing here uses a database, a clock or a token.
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
"""For each permission the ids of the regions that it is limited to, or None for every region."""

MIN_PASSWORD_LENGTH: Final = 10
MAX_PASSWORD_BYTES: Final = 72
MIN_DIFFERENT_CHARACTERS: Final = 4

FORGET_FAILURES_AFTER: Final = 24 * 3600
"""Seconds without a failure after which earlier failures no longer count."""

FORGET_ADDRESS_AFTER: Final = 90 * 24 * 3600
"""Seconds without a sign-in after which an address is no longer known for an account."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on failures: how many have no consequence, and how long the next attempt must wait after more.

    Attributes:
        free: The number of failures without a wait.
        max_wait: The longest wait in seconds. The wait begins with one second and doubles with every failure.
        forgiven_every: Seconds after which one failure no longer counts; with 0 all count until
            `FORGET_FAILURES_AFTER`.
    """

    free: int
    max_wait: int
    forgiven_every: float = 0.0

    def wait_after(self, failures: int) -> int:
        """Return the seconds for which attempts are rejected after this number of failures."""
        excess = failures - self.free
        return 0 if excess < 0 else min(self.max_wait, 1 << min(excess, 30))


UNKNOWN_CLIENT: Final = Limit(free=5, max_wait=900)
"""For one account and one address from which its owner has not signed in lately, or RPC calls without an address."""

KNOWN_CLIENT: Final = Limit(free=5, max_wait=60)
"""For one account and one device or address from which its owner has signed in. The wait is short because it may be
the owner who waits."""

ALL_UNKNOWN_CLIENTS: Final = Limit(free=50, max_wait=900, forgiven_every=1800)
"""For one account and all unknown clients together: slows down attackers who have many addresses."""

ADDRESS: Final = Limit(free=100, max_wait=30, forgiven_every=30)
"""For one address and all accounts: slows down attackers who try a few passwords with many accounts. A whole field
office may share one address."""

TAKEN_ADDRESSES: Final = Limit(free=20, max_wait=900, forgiven_every=3600)
"""For answers to one address that an email address is taken: slows down attackers who want to find out who has an
account."""

REGISTRATIONS_OF_CLIENT: Final = Limit(free=60, max_wait=60, forgiven_every=30)
REGISTRATIONS: Final = Limit(free=300, max_wait=5, forgiven_every=0.2)
"""For registrations by people who are not signed in: from one address, and in total."""

REGION_CODE: Final = re.compile(r"[^\s:,]{1,50}")
ROLE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission of a role.

    Attributes:
        name: ``thing:verb``, ``thing:*`` or ``*``.
        region_code: The code of the region that it is limited to, or None for every region.
    """

    name: str
    region_code: str | None

    @classmethod
    def parse(cls, text: str) -> Permission | None:
        """Return the permission that a text such as ``report:change_status:HT-OUEST`` names; None if there is none."""
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
    """Return the grants of an account that has all of these permissions.

    Args:
        granted: Permissions as roles have them, for every region or for one.
        region_ids: The ids of regions by the codes that the permissions name.
        count_missing_regions: Whether a permission for a region that does not exist counts as one for every region,
            because the region can be created later. By default it grants nothing.

    Returns:
        The grants. A permission for every region takes precedence over the same permission for one region.
    """
    grants: Grants = {}
    for text in granted:
        permission = Permission.parse(text)
        if permission is None:  # it was removed from the list after it had been granted
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


def covers(
    held: Mapping[str, frozenset[UUID] | None],
    wanted: Mapping[str, frozenset[UUID] | None],
    lineages: Mapping[UUID, frozenset[UUID]],
) -> bool:
    """Return whether `held` allows everything that `wanted` allows.

    Args:
        held: The grants that an account has.
        wanted: The grants that are asked for.
        lineages: For each region of `wanted` the region itself and all that contain it; the region alone if it is
            missing.
    """
    return all(_covers_one(held, name, regions, lineages) for name, regions in wanted.items())


def _covers_one(
    held: Mapping[str, frozenset[UUID] | None],
    name: str,
    regions: frozenset[UUID] | None,
    lineages: Mapping[UUID, frozenset[UUID]],
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
    return regions is not None and all(
        region_id in reached or not reached.isdisjoint(lineages.get(region_id, ())) for region_id in regions
    )


def normalise_email(text: str) -> str:
    """Return the form in which an email address is stored and compared.

    Variants of a letter, such as full-width ones, become the letter (NFKC), upper case becomes lower case, and spaces
    around the address are removed. A domain with other letters than ASCII is encoded with IDNA (``xn--…``).
    """
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).lower())
    local, at, domain = composed.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:  # the schema rejects the result
            return composed
    return f"{local}{at}{domain}"


def password_problems(password: str, email: str = "") -> list[str]:
    """Return the reasons for rejecting a password as sentences; an empty list means that it is accepted.

    It must have ten characters or more, following NIST SP 800-63B (length matters, composition rules do not). bcrypt
    ignores everything after 72 bytes, so longer passwords are rejected instead of being cut.
    """
    problems = []
    if len(password) < MIN_PASSWORD_LENGTH:
        problems.append(f"Must have at least {MIN_PASSWORD_LENGTH} characters.")
    if len(encode_password(password)) > MAX_PASSWORD_BYTES:
        problems.append(f"Must have at most {MAX_PASSWORD_BYTES} bytes in UTF-8.")
    if problems:
        return problems
    if len(set(password)) < MIN_DIFFERENT_CHARACTERS:
        problems.append(f"Must have at least {MIN_DIFFERENT_CHARACTERS} different characters.")
    if email and normalise_email(password) in (email, email.partition("@")[0]):
        problems.append("Must not be the email address.")
    return problems


def encode_password(password: str) -> bytes:
    """Return the bytes to hash: the same for all ways in which keyboards compose an accented letter."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
