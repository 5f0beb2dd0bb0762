"""Alembic's entrance to the revisions of alerts."""

from services.alerts.models import tables
from shared.platform.db.migration import run_revisions

run_revisions(tables)
