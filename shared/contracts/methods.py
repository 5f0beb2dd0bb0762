"""What a client has to know of RPC methods beyond their arguments."""

CREATES = frozenset(
    {
        "identity.register_user",
        "identity.create_role",
        "identity.create_region",
        "reports.create_report",
        "reports.create_report_type",
        "reports.create_severity_level",
        "reports.add_comment",
        "reports.add_attachment",
        "resources.create_resource",
        "resources.create_resource_type",
        "resources.update_resource_usage",
    }
)
"""Methods that make a thing whose ``id`` the caller may choose. With the same id a repeat returns the first."""
