"""Roles of an installation gain the permissions that a release adds, and keep what was changed in them."""

import psycopg
import pytest

from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.db.migration import migrate

BEFORE = "0009"
"""The last revision of identity before staff had permissions of their own to read."""

NEW = ("alert:read_restricted", "alert:read_private", "resource:read_contacts", "alert:approve")


@pytest.fixture
def roles(migrated):
    """Go back, give roles permissions, upgrade, and return the permissions of each role and its version."""

    def upgraded(given):
        migrate(migrated.admin_url, ["identity"], BEFORE)
        with psycopg.connect(migrated.admin_url, autocommit=True) as connection:
            for name, permissions in given.items():
                (role_id,) = connection.execute(
                    "INSERT INTO identity.roles (name) VALUES (%s) RETURNING id", [name]
                ).fetchone()
                for permission in permissions:
                    connection.execute(
                        "INSERT INTO identity.role_permissions (role_id, permission) VALUES (%s, %s)",
                        [role_id, permission],
                    )
        migrate(migrated.admin_url, ["identity"])
        with psycopg.connect(migrated.admin_url) as connection:
            held = connection.execute(
                "SELECT r.name, r.version, array_agg(p.permission) FROM identity.roles r"
                " LEFT JOIN identity.role_permissions p ON p.role_id = r.id GROUP BY r.name, r.version"
            ).fetchall()
        return {name: (set(permissions), version) for name, version, permissions in held}

    return upgraded


def test_an_upgraded_default_role_holds_what_a_new_one_holds(roles):
    former = {
        name: {permission for permission in default.permissions if permission not in NEW}
        for name, default in DEFAULT_ROLES.items()
    }
    found = roles(former)
    assert {name: permissions for name, (permissions, _) in found.items()} == {
        name: set(default.permissions) for name, default in DEFAULT_ROLES.items()
    }


def test_a_role_gains_a_permission_where_it_holds_what_implies_it(roles):
    found = roles(
        {
            "north": {"alert:issue:N", "resource:update:N", "alert:issue:S"},
            "usage": {"resource:update_usage", "report:read"},
            "all-alerts": {"alert:*"},
        }
    )
    assert found["north"] == (
        {
            "alert:issue:N",
            "alert:issue:S",
            "alert:read_restricted:N",
            "alert:read_restricted:S",
            "resource:update:N",
            "resource:read_contacts:N",
        },
        3,
    )
    assert found["usage"] == ({"resource:update_usage", "report:read"}, 1)
    assert found["all-alerts"] == ({"alert:*"}, 1)
