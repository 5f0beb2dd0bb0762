"""Alembic's entrance to the revisions of reports."""

from services.reports.models import tables
from shared.platform.db.migration import run_revisions

run_revisions(tables)
