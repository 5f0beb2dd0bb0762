"""Protection of spreadsheet cells from being read as formulas (OWASP, CSV injection).

A spreadsheet takes a cell that begins with one of a few signs for a formula. `neutralised` puts an apostrophe before
such a text; `restored` removes exactly that apostrophe.
"""

from __future__ import annotations

import re
from typing import Final

MARKER: Final = "'"

# A spreadsheet finds the sign behind spaces, invisible characters and an apostrophe, too.
_FORMULA: Final = re.compile(
    r"['\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x1f\x7f]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
    r"|'*[\t\r\n]"
)
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()./\u00a0-]{3,40}(( ?x| ?ext\.? ?)[0-9]{1,8})?", re.IGNORECASE)


def neutralised(text: str) -> str:
    """Return the text as a cell that is not a formula; a telephone number is returned unchanged."""
    return MARKER + text if _FORMULA.match(text) and not _PHONE.fullmatch(text) else text


def restored(cell: str) -> str:
    """Return the text from which `neutralised` made the cell."""
    return cell[1:] if cell.startswith(MARKER) and _FORMULA.match(cell) else cell
