"""Creates what a new installation needs: the default roles, an administrator and a few regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as insert_unless
from uuid6 import uuid7

from services.identity import policy
from services.identity.geometry import normalise
from services.identity.look_alikes import remember_look
from services.identity.models import regions, role_permissions, roles, user_roles, users
from services.identity.password_hashing import PasswordHasher
from shared.client.errors import Invalid
from shared.domain.permissions import ADMINISTRATOR, DEFAULT_ROLES

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Boundaries drawn by hand for trials, in places some dozens of kilometres off. Import the official boundaries from the
# authority that maintains them.
REGIONS: Final[tuple[tuple[str, str, list[list[float]]], ...]] = (
    (
        "HT",
        "Haiti",
        [
            [-74.7, 18.1],
            [-73.3, 18.0],
            [-71.7, 17.9],
            [-71.6, 18.9],
            [-71.6, 19.8],
            [-72.7, 20.2],
            [-73.6, 19.9],
            [-73.6, 18.8],
            [-74.7, 18.8],
        ],
    ),
    (
        "HT-PAP",
        "Port-au-Prince",
        [[-72.5, 18.4], [-72.1, 18.4], [-72.1, 18.7], [-72.5, 18.7]],
    ),
    (
        "NP",
        "Nepal",
        [
            [80.0, 28.8],
            [84.0, 27.3],
            [88.2, 26.3],
            [88.2, 27.9],
            [85.9, 28.3],
            [82.2, 30.3],
            [80.3, 29.8],
        ],
    ),
    (
        "US-FL",
        "Florida",
        [
            [-87.7, 30.2],
            [-84.0, 29.8],
            [-82.9, 27.7],
            [-82.0, 25.0],
            [-80.0, 25.0],
            [-79.9, 27.0],
            [-81.3, 30.8],
            [-87.7, 31.1],
        ],
    ),
)


def seed(connection: Connection, *, admin_email: str, admin_password: str, bcrypt_cost: int = 12) -> None:
    """Create the default roles, an administrator and a few regions if they are missing.

    Existing ones stay as they are, even if they were changed, for instance the permissions of a role or the password
    of the administrator. Emits ``user_created``, ``role_granted`` and ``region_created``.

    Args:
        connection: A connection in a transaction.
        admin_email: The email address of the administrator. An existing account with this address is not changed.
        admin_password: The password of a new administrator.
        bcrypt_cost: The cost of the hash of the password.

    Raises:
        Invalid: The password is not acceptable.
    """
    for name in DEFAULT_ROLES:
        _role(connection, name)
    _administrator(connection, policy.normalise_email(admin_email), admin_password, bcrypt_cost)
    for code, name, ring in REGIONS:
        boundaries: dict[str, Any] = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        connection.execute(
            insert_unless(regions)
            .values(id=uuid7(), code=code, name=name, boundaries=normalise(boundaries))
            .on_conflict_do_nothing()
        )


def _role(connection: Connection, name: str) -> None:
    default = DEFAULT_ROLES[name]
    made = connection.execute(
        insert_unless(roles)
        .values(id=uuid7(), name=name, description=default.description)
        .on_conflict_do_nothing()
        .returning(roles.c.id)
    ).scalar_one_or_none()
    if made is not None:
        connection.execute(
            insert(role_permissions),
            [{"role_id": made, "permission": permission} for permission in sorted(default.permissions)],
        )


def _administrator(connection: Connection, email: str, password: str, bcrypt_cost: int) -> None:
    known = select(users.c.id).where(users.c.email == email)
    if connection.execute(known).one_or_none() is not None:
        return
    problems = policy.password_problems(password, email)
    if problems:
        raise Invalid("The password of the administrator is not acceptable.", fields={"password": problems})
    role = select(roles.c.id).where(roles.c.name == ADMINISTRATOR)
    role_id = connection.execute(role).scalar_one()
    made = connection.execute(
        insert_unless(users)
        .values(
            id=uuid7(),
            email=email,
            password_hash=PasswordHasher(bcrypt_cost).hash(password),
            first_name="ImpactX",
            last_name="Administrator",
            role_id=role_id,
            preferences={},
        )
        .on_conflict_do_nothing()
        .returning(users.c.id)
    ).scalar_one_or_none()
    if made is not None:
        connection.execute(insert(user_roles).values(user_id=made, role_id=role_id))
        remember_look(connection, made, email)
