"""Alembic's entry point to the revisions of the schema ``alerts``."""

from services.alerts.models import tables
from shared.platform.db.migration import run_revisions

run_revisions(tables)
