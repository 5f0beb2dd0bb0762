"""Reports of incidents: filed in the field, verified, worked on and resolved.

Owns the schema ``reports``: reports with their comments, attachments and status history, and the catalogues
of report types and severity levels.

Offers `create_report`, `get_report`, `update_report`, `change_report_status`, `resolve_report`, `review_report`,
`list_reports`, `list_active_reports`, `summarise_reports`, `aggregate_reports`, `import_reports`,
`get_report_history`; `add_comment`, `edit_comment`, `list_comments`; `add_attachment`, `get_attachment`,
`get_attachment_allowance`, `list_attachments`; `create_report_type`, `update_report_type`, `list_report_types`,
`create_severity_level`, `update_severity_level`, `list_severity_levels`.

Emits `report_created`, `report_status_changed`, `report_updated`, `report_comment_added`,
`report_attachment_added`.

Hears its own `report_created` and `report_status_changed`, and writes the status history from them. Calls
identity to find the region of a place.
"""
