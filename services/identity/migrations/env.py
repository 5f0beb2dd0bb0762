"""Alembic's entrance to the revisions of identity."""

from services.identity.models import tables
from shared.platform.db.migration import run_revisions

run_revisions(tables)
