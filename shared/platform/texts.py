"""The rule for text that people write: which characters are stored, and when a text counts as empty.

Every text argument of every service passes through `clean`. The characters that it removes are invisible: they come
with copied text, or are sent to make one text look like another.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LINE_ENDS: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

_REMOVED: Final = re.compile(
    "["
    # control characters (Cc) other than tab and line feed
    "\x00-\x08\x0b-\x1f\x7f-\x9f"
    # soft hyphen, Arabic letter mark, Mongolian vowel separator
    "\u00ad\u061c\u180e"
    # zero-width space, directional marks, embeddings, overrides and isolates, invisible operators
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    # byte-order mark, interlinear annotation, and the code points reserved beside it
    "\ufeff\ufff0-\ufffb"
    # controls of shorthand and musical notation
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    # reserved for further invisible characters
    "\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    # code points that will never be characters
    "\ufdd0-\ufdef"
    + "".join(f"{chr(plane - 2)}{chr(plane - 1)}" for plane in range(0x10000, 0x110001, 0x10000))
    + "]"
)

# Persian, the scripts of India and emoji need one joiner between characters; it is kept after such a character. It is
# not kept after Latin letters, nor after the accents that compose with them.
_JOINERS: Final = re.compile(
    "(?<![\u0370-\u1dff\u1f00-\u1fff\u2190-\u2fff\u3004-\ufaff\ufb1d-\uffef\U00010000-\U000dffff])[\u200c\u200d]+"
)

# Tag characters are kept where they spell the flag of a region after a black flag (UTS 51).
_TAGS: Final = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f)|[\U000e0000-\U000e007f]")

_BLANK: Final = re.compile(
    # white space; joiners, fillers and variation selectors, which are invisible alone; the empty Braille cell
    "[\\s\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0000-\U000e0fff]*"
)


def clean(text: str, *, lines: bool) -> str:
    """Return the text as it is stored.

    The characters are composed (NFC). Control and format characters (Unicode categories Cc and Cf), among them
    directional overrides, are removed. The visible characters in Cf are kept, and so are the joiners that a script or
    an emoji needs. A line end becomes a line feed.

    Args:
        text: The text as it was sent.
        lines: Whether the text may have several lines and tabs; otherwise each line end and tab becomes a space.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", text)
    if not lines:
        text = text.replace("\n", " ").replace("\t", " ")
    if text.isascii():
        return _REMOVED.sub("", text)
    text = unicodedata.normalize("NFC", _TAGS.sub(r"\1", _REMOVED.sub("", text)))
    return unicodedata.normalize("NFC", _JOINERS.sub("", text))


def is_blank(text: str) -> bool:
    """Return whether the text has no visible character."""
    return _BLANK.fullmatch(text) is not None
