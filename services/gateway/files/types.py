"""The types of files that may be attached: their names, how they are recognised, and what removes their metadata.

A type is recognised by the first bytes alone. The name follows the type and never the other way round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.gateway.files.iso_media import HeicCleaner, VideoCleaner
from services.gateway.files.jpeg import JpegCleaner
from services.gateway.files.png import PngCleaner
from services.gateway.files.tiff import TiffCleaner
from services.gateway.files.webp import WebpCleaner

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.gateway.files.cleaners import Cleaner

HEAD: Final = 8192
"""Bytes at the beginning by which a type is recognised."""

MAX_NAME_LENGTH: Final = 255
"""Characters of the name of a file; see `services.reports.schemas`."""

_FTYP: Final = b"ftyp"
_EXTENSION: Final = re.compile(
    r"(?P<stem>.*)\.(?P<extension>(?=[0-9]*[A-Za-z])[A-Za-z0-9_]{1,10})", re.DOTALL
)
_BRANDS_OF_HEIC: Final = frozenset(b"heic heix heim heis hevc hevx hevm hevs".split())
_BRANDS_OF_STILLS: Final = frozenset(b"mif1 msf1".split())
_BRANDS_OF_AVIF: Final = frozenset(b"avif avis".split())
_BRANDS: Final = {
    "image/heic": _BRANDS_OF_HEIC,
    "": _BRANDS_OF_AVIF | {b"crx ", b"jp2 ", b"jpx ", b"3g2a", b"3g2b", b"3g2c"},
    "video/quicktime": frozenset([b"qt  "]),
    "video/3gpp": frozenset(b"3g%c%c" % (kind, number) for kind in b"peghrst" for number in b"0123456789"),
    "audio/mp4": frozenset([b"M4A ", b"M4B ", b"M4P "]),
    "video/mp4": frozenset(
        b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 isoa isob isoc mp41 mp42 mp71 avc1 hvc1 hev1 dash cmfc"
        b" cmfs MSNV XAVC mmp4 M4VH M4VP".split()
    )
    | {b"M4V ", b"f4v "},
}
"""Of each type the brands that stand first; those of types that are not accepted are under an empty name."""

_ATOMS_OF_QUICKTIME: Final = frozenset([b"moov", b"mdat", b"wide", b"pnot"])


@dataclass(frozen=True, slots=True)
class MediaType:
    """One type.

    Attributes:
        name: Of the media type.
        extensions: That a file's name may have; the first one is given to those that have another.
        matches: Whether a file that begins with these bytes is of the type.
        cleaner: Removes the metadata of such a file; None where none are removed.
    """

    name: str
    extensions: tuple[str, ...]
    matches: Callable[[bytes], bool]
    cleaner: type[Cleaner] | None = None


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == kind


def _base_media(name: str) -> Callable[[bytes], bool]:
    return lambda head: _of_base_media(head) == name


def _of_base_media(head: bytes) -> str:
    """The type of a file of the ISO base media file format, by its brands (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != _FTYP:
        return "video/quicktime" if head[4:8] in _ATOMS_OF_QUICKTIME else ""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    others = {head[at : at + 4] for at in range(16, size - 3, 4)}
    if major in _BRANDS_OF_STILLS:  # of any codec
        return "image/heic" if others & _BRANDS_OF_HEIC or not others & _BRANDS_OF_AVIF else ""
    named = next((name for name, brands in _BRANDS.items() if major in brands), None)
    if named is None and others & _BRANDS["video/mp4"]:
        return "video/mp4"
    return named or ""


def _is_jpeg(head: bytes) -> bool:
    return head[:3] == b"\xff\xd8\xff" and head[3:4] not in (b"\xd8", b"\xd9", b"\x00")


def _is_tiff(head: bytes) -> bool:
    return head[:4] in (b"II*\0", b"MM\0*") and head[8:10] != b"CR"


def _is_mpeg_audio(head: bytes) -> bool:
    """An ID3 tag, or a frame of MPEG layer III whose version, bit rate and sampling rate exist."""
    if head[:3] == b"ID3":
        return True
    if len(head) < 4:  # noqa: PLR2004 - the header of a frame
        return False
    is_layer_3 = head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # noqa: PLR2004
    return is_layer_3 and head[1] & 0x18 != 0x08 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C  # noqa: PLR2004


def _is_webm(head: bytes) -> bool:
    return head[:4] == b"\x1aE\xdf\xa3" and b"\x42\x82\x84webm" in head[:128]


MEDIA_TYPES: Final = {
    found.name: found
    for found in (
        MediaType("image/jpeg", ("jpg", "jpeg", "jpe", "jfif"), _is_jpeg, JpegCleaner),
        MediaType("image/png", ("png", "apng"), _begins(b"\x89PNG\r\n\x1a\n"), PngCleaner),
        MediaType("image/gif", ("gif",), _begins(b"GIF87a", b"GIF89a")),
        MediaType("image/webp", ("webp",), _riff(b"WEBP"), WebpCleaner),
        MediaType(
            "image/heic", ("heic", "heif", "heics", "heifs", "hif"), _base_media("image/heic"), HeicCleaner
        ),
        MediaType("image/tiff", ("tif", "tiff"), _is_tiff, TiffCleaner),
        MediaType("application/pdf", ("pdf",), _begins(b"%PDF-")),
        MediaType("video/mp4", ("mp4", "m4v"), _base_media("video/mp4"), VideoCleaner),
        MediaType("video/quicktime", ("mov", "qt"), _base_media("video/quicktime"), VideoCleaner),
        MediaType("video/webm", ("webm",), _is_webm),
        MediaType("video/3gpp", ("3gp", "3gpp"), _base_media("video/3gpp"), VideoCleaner),
        MediaType("audio/mpeg", ("mp3", "mpga"), _is_mpeg_audio),
        MediaType("audio/mp4", ("m4a", "m4b", "mp4"), _base_media("audio/mp4"), VideoCleaner),
        MediaType("audio/ogg", ("ogg", "oga", "opus"), _begins(b"OggS\0")),
        MediaType("audio/x-wav", ("wav",), _riff(b"WAVE")),
        MediaType("audio/amr", ("amr", "awb"), _begins(b"#!AMR\n", b"#!AMR-WB\n")),
    )
}
"""What people in the field make with their telephones. Nothing of it runs in a browser."""


def recognise(head: bytes) -> MediaType | None:
    """Return the type of a file that begins with these bytes (`HEAD` of them); None for a type that is not accepted."""
    return next((found for found in MEDIA_TYPES.values() if found.matches(head)), None)


def name_for(name: str, mime_type: str) -> str:
    """Return the name of a file with an extension of its type.

    An extension of another type is replaced, a missing one is added; for a type that is not accepted it is ``bin``.
    """
    known = MEDIA_TYPES.get(mime_type)
    extensions = known.extensions if known is not None else ("bin",)
    name = name.rstrip(". ")  # which Windows drops
    match = _EXTENSION.fullmatch(name)
    if match is not None and match["extension"].lower() in extensions:
        return name
    stem = match["stem"].rstrip(". ") if match is not None else name
    ending = f".{extensions[0]}"
    return (stem or "file")[: MAX_NAME_LENGTH - len(ending)] + ending
