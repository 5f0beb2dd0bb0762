"""Creates what a new installation needs: the default roles and an administrator.

It creates no regions: those of a country come from the authority that maintains them, by `import regions`, and an
invented one would take reports from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as insert_unless
from uuid6 import uuid7

from services.identity import policy
from services.identity.look_alikes import remember_look
from services.identity.models import role_permissions, roles, user_roles, users
from services.identity.password_hashing import PasswordHasher
from shared.client.errors import Invalid
from shared.domain.permissions import ADMINISTRATOR, DEFAULT_ROLES

if TYPE_CHECKING:
    from sqlalchemy import Connection


def seed(connection: Connection, *, admin_email: str, admin_password: str, bcrypt_cost: int = 12) -> None:
    """Create the default roles and an administrator if they are missing.

    Existing ones stay as they are, even if they were changed, for instance the permissions of a role or the password
    of the administrator. Emits ``user_created`` and ``role_granted``.

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
