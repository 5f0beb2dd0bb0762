"""Alembic's entrance to the revisions of resources."""

from services.resources.models import tables
from shared.platform.db.migration import run_revisions

run_revisions(tables)
