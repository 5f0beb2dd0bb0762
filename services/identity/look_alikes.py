"""Finds email addresses that look alike, with the skeletons of Unicode Technical Standard 39.

In the skeleton of a text, each character is replaced by one that represents all characters that look like it. A
Cyrillic `a` and a Latin `a` have the same skeleton.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

import idna
from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert

from services.identity.models import email_look_alikes

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

ROUNDS: Final = 3
"""Some characters are replaced by several, which have replacements in turn."""


def skeleton_digest(email: str) -> bytes:
    """Return 32 bytes that are equal for two normalised addresses if, and only if, they look alike."""
    local, _, domain = email.rpartition("@")
    try:
        shown = idna.decode(domain)
    except idna.IDNAError:
        shown = domain
    return hashlib.sha256(skeleton(f"{local}@{shown}").encode("utf-8", "surrogatepass")).digest()


def skeleton(text: str) -> str:
    """Return the text with every character replaced by the one that represents all that look like it."""
    found = unicodedata.normalize("NFD", text)
    for _ in range(ROUNDS):
        found = unicodedata.normalize("NFD", "".join(_prototype(character) for character in found))
    return found


@cache
def _prototype(character: str) -> str:
    # Loading the table takes a third of a second, so it is loaded when the first account is created.
    from confusable_homoglyphs import confusables  # noqa: PLC0415

    def alike(text: str) -> list[str]:
        return [found["c"] for found in confusables.confusables_data.get(text, ())]

    # The table lists for a prototype all characters that look like it, and for each of these only the prototype.
    everyone = {character, *alike(character)}
    everyone |= {other for one in alike(character) for other in alike(one)}
    with_many = [one for one in everyone if len(alike(one)) > 1]
    # Of two characters that look like each other only, the table does not tell which is the prototype.
    return min(with_many or everyone, key=lambda one: (-len(one), not one.isascii(), one))


def looks_like_another(connection: Connection, user_id: UUID, email: str) -> bool:
    """Return whether an email address looks like that of another account, and one of the two is not ASCII.

    Two ASCII addresses never count as alike: ``adam1`` and ``adaml`` may be two people, and readers can distinguish
    them. Until the transaction ends, no other account can take an address that looks like this one.
    """
    digest = skeleton_digest(email)
    connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], signed=True))))
    columns = email_look_alikes.c
    alike = exists().where(columns.skeleton == digest, columns.user_id != user_id)
    if email.isascii() and "xn--" not in email:
        alike = alike.where(columns.is_ascii.is_(False))
    return bool(connection.execute(select(alike)).scalar_one())


def remember_look(connection: Connection, user_id: UUID, email: str) -> None:
    """Store the skeleton of the email address of an account."""
    look = {"skeleton": skeleton_digest(email), "is_ascii": email.isascii() and "xn--" not in email}
    connection.execute(
        insert(email_look_alikes)
        .values(user_id=user_id, **look)
        .on_conflict_do_update(index_elements=[email_look_alikes.c.user_id], set_=look)
    )
