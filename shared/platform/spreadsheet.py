"""Cells as they are safe in a spreadsheet, and as they were before that.

A spreadsheet takes a cell that begins with a sign for a formula (OWASP, CSV injection). Such a cell gets an
apostrophe in front. `restored` takes exactly that apostrophe away again, whatever the cell held.
"""

from __future__ import annotations

import re
from typing import Final

MARKER: Final = "'"

# What stands before the sign does not stop a spreadsheet: blanks, marks that are not seen, an apostrophe of the text.
_FORMULA: Final = re.compile(
    r"['\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x1f\x7f]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
    r"|'*[\t\r\n]"
)
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()./\u00a0-]{3,40}(( ?x| ?ext\.? ?)[0-9]{1,8})?", re.IGNORECASE)


def neutralised(text: str) -> str:
    """The text as a cell that is no formula; a telephone number stays as it is."""
    return MARKER + text if _FORMULA.match(text) and not _PHONE.fullmatch(text) else text


def restored(cell: str) -> str:
    """The text of which `neutralised` made the cell."""
    return cell[1:] if cell.startswith(MARKER) and _FORMULA.match(cell) else cell
