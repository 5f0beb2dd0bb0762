"""Packs the roles and permissions of an account into one claim of an access token.

The token must fit into a header of a request. An account with one role in a hundred regions has a few thousand pairs
of a permission and a region. The claim names each permission once and each region once: regions with the same
permissions form a group. It is compressed JSON::

    {"roles": ["coordinator"],
     "versions": [4],                                   the version of each role
     "permissions": ["alert:issue", "report:read"],    every permission of the account
     "everywhere": [1],                                 the permissions for every region, by index
     "regions": [[[0], "<ids>"]]}                       groups: indexes of permissions, 16-byte ids of regions in base64
"""

from __future__ import annotations

import base64
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

Grants = dict[str, frozenset[UUID] | None]
"""For each permission the ids of the regions that it is limited to, or None for every region."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""The largest accepted size of the JSON: forty times what a token of the largest accepted size reasonably holds."""

_ID_BYTES: Final = 16


def pack(roles: Mapping[str, int], grants: Mapping[str, frozenset[UUID] | None]) -> str:
    """Return the claim for these roles and permissions.

    Args:
        roles: The versions of the roles by name.
        grants: For each permission the ids of its regions, or None for every region.
    """
    names = sorted(grants)
    held_in: defaultdict[UUID, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        for region in grants[name] or ():
            held_in[region].append(index)
    groups: defaultdict[tuple[int, ...], list[bytes]] = defaultdict(list)
    for region, indexes in held_in.items():
        groups[tuple(indexes)].append(region.bytes)
    said = {
        "roles": sorted(roles),
        "versions": [roles[name] for name in sorted(roles)],
        "permissions": names,
        "everywhere": [index for index, name in enumerate(names) if grants[name] is None],
        "regions": [[list(indexes), _text(b"".join(sorted(ids)))] for indexes, ids in sorted(groups.items())],
    }
    return _text(zlib.compress(orjson.dumps(said), level=9))


def unpack(claim: str) -> tuple[frozenset[str], dict[str, int], Grants]:
    """Return the roles, their versions and the permissions of a claim made by `pack`, here or by an earlier version.

    The latter has no versions.

    Raises:
        ValueError: The claim was not made by `pack`.
    """
    try:
        said = orjson.loads(_inflated(base64.urlsafe_b64decode(claim + "=" * (-len(claim) % 4))))
        names = [str(name) for name in said["permissions"]]
        held: dict[str, set[UUID]] = {name: set() for name in names}
        for indexes, ids in said["regions"]:
            regions = _ids(base64.urlsafe_b64decode(ids + "=" * (-len(ids) % 4)))
            for index in indexes:
                held[names[index]] |= regions
        grants: Grants = {name: frozenset(regions) for name, regions in held.items()}
        grants |= dict.fromkeys(names[index] for index in said["everywhere"])
        roles = [str(role) for role in said["roles"]]
        versions = dict(zip(roles, map(int, said["versions"]), strict=True)) if "versions" in said else {}
        return frozenset(roles), versions, grants
    except (KeyError, IndexError, TypeError, AttributeError, zlib.error) as error:
        raise ValueError("not packed grants") from error


def _inflated(compressed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    found = inflater.decompress(compressed, MAX_BYTES)
    if not inflater.eof:
        raise ValueError("packed grants are cut off or too large")
    return found


def _ids(raw: bytes) -> set[UUID]:
    return {UUID(bytes=raw[at : at + _ID_BYTES]) for at in range(0, len(raw), _ID_BYTES)}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
