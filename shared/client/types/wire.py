"""The types of values that callers pass; `rpc` writes them as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

Identifier: TypeAlias = UUID | str
"""An id, as such or in its usual text form."""

Moment: TypeAlias = datetime | str
"""A time with an offset from UTC, as such or in RFC 3339."""
