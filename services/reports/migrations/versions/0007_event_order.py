"""Events of comments and attachments never have a version that is lower than one sent before.

They carry the version of their report. It is read from a row that is locked until they are stored, so that nobody
raises it meanwhile and is quicker with the event of that.

Revision ID: 0007
Revises: 0006
"""

from shared.platform.db import ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def comment_added(lock):
    return f"""
    CREATE OR REPLACE FUNCTION reports.record_report_comment_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {of_reports(lock)}
        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_comment_added', r.id, r.version, jsonb_build_object(
            'report_id', r.id,
            'version', r.version,
            'region_id', r.region_id,
            'comment_id', n.id,
            'user_id', n.user_id,
            'content', n.content,
            'created_at', n.created_at
        )
        FROM new_rows n JOIN of_reports r ON r.id = n.report_id;
        RETURN NULL;
    END
    $$
    """


def attachment_added(lock):
    return f"""
    CREATE OR REPLACE FUNCTION reports.record_report_attachment_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {of_reports(lock)}
        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_attachment_added', r.id, r.version, jsonb_build_object(
            'report_id', r.id,
            'version', r.version,
            'region_id', r.region_id,
            'attachment_id', n.id,
            'uploaded_by', COALESCE(n.uploaded_by, '00000000-0000-0000-0000-000000000000'),
            'file_name', n.file_name,
            'mime_type', n.mime_type,
            'file_size', n.file_size,
            'uploaded_at', n.uploaded_at
        )
        FROM new_rows n JOIN of_reports r ON r.id = n.report_id;
        RETURN NULL;
    END
    $$
    """


def of_reports(lock):
    return f"""WITH of_reports AS (
            SELECT id, version, region_id FROM reports.reports
            WHERE id = ANY (ARRAY(SELECT report_id FROM new_rows)) ORDER BY id {lock}
        )"""


def upgrade():
    ddl.execute(comment_added("FOR SHARE"), attachment_added("FOR SHARE"))


def downgrade():
    ddl.execute(comment_added(""), attachment_added(""))
