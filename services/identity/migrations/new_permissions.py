"""SQL that gives a new permission to the roles that an installation has.

Roles are seeded once and belong to the installation from then on, so a permission that a release adds reaches them by
a revision alone. What allowed a thing before implies the permission that allows it now, with the same region.

Frozen like `shared.platform.db.ddl`: released revisions call these functions.
"""


def grant(permission, implied_by):
    """Return the statements that give a permission to every role that holds one of others.

    Roles that hold every permission of the thing (``alert:*``, ``*``) need nothing. A role that gains the permission
    has a new version, so that nobody overwrites it unseen.

    Args:
        permission: The new permission, ``thing:verb``.
        implied_by: The permissions that imply it. One that is limited to a region implies it for that region.
    """
    held = " UNION ".join(
        f"""
        SELECT role_id, '{permission}' || substr(permission, {len(name) + 1})
        FROM identity.role_permissions WHERE permission = '{name}' OR starts_with(permission, '{name}:')
        """
        for name in implied_by
    )
    return (
        f"""
        WITH gained AS (
            INSERT INTO identity.role_permissions (role_id, permission) {held}
            ON CONFLICT DO NOTHING
            RETURNING role_id
        )
        UPDATE identity.roles SET updated_at = CURRENT_TIMESTAMP WHERE id IN (SELECT role_id FROM gained)
        """,
    )


def withdraw(permission):
    """Return the statements that take a permission from every role, because the previous version does not know it."""
    return (
        f"""
        WITH lost AS (
            DELETE FROM identity.role_permissions
            WHERE permission = '{permission}' OR starts_with(permission, '{permission}:')
            RETURNING role_id
        )
        UPDATE identity.roles SET updated_at = CURRENT_TIMESTAMP WHERE id IN (SELECT role_id FROM lost)
        """,
    )
