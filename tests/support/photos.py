"""Small photos with EXIF, XMP and the like, for tests that see what is left of them."""

import struct
import zlib

MAKER = b"Secret Maker\0"
SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34\xff\xd0\x56" * 50


def exif(order="<", orientation=6, latitude=(18, 30, 0), longitude=(72, 20, 0), north="N", east="W"):
    """An EXIF block as a telephone writes it."""
    gps_at, maker_at = 8 + 2 + 3 * 12 + 4, 200
    values_at = gps_at + 2 + 4 * 12 + 4
    entries = [
        (0x010F, 2, len(MAKER), struct.pack(f"{order}I", maker_at)),
        (0x0112, 3, 1, struct.pack(f"{order}HH", orientation, 0)),
        (0x8825, 4, 1, struct.pack(f"{order}I", gps_at)),
    ]
    gps = [
        (1, 2, 2, north.encode().ljust(4, b"\0")),
        (2, 5, 3, struct.pack(f"{order}I", values_at)),
        (3, 2, 2, east.encode().ljust(4, b"\0")),
        (4, 5, 3, struct.pack(f"{order}I", values_at + 24)),
    ]
    block = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, 8)
    block += directory(order, entries) + directory(order, gps)
    for value in (*latitude, *longitude):
        block += struct.pack(f"{order}II", value, 1)
    return block.ljust(maker_at, b"\0") + MAKER


def directory(order, entries):
    table = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    return struct.pack(f"{order}H", len(entries)) + table + bytes(4)


def field(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(*fields, end=b"\xff\xd9"):
    return b"\xff\xd8" + b"".join(fields) + field(0xDB, b"\0" * 65) + SCAN + end


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*chunks):
    begin, end = chunk(b"IHDR", b"\0" * 13), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + begin + b"".join(chunks) + chunk(b"IDAT", b"picture" * 9) + end


def webp(*chunks):
    content = b"WEBP" + b"".join(
        name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for name, body in chunks
    )
    return b"RIFF" + struct.pack("<I", len(content)) + content


def box(name, content, size=None):
    return struct.pack(">I", 8 + len(content) if size is None else size) + name + content


def heic(block, *, index_last=False):
    """A HEIC file with a picture, EXIF and XMP."""
    picture, xmp = b"picture" * 99, b"<x:xmpmeta>Secret place, and some more to be longer</x:xmpmeta>"
    exif_item = bytes(4) + block
    ftyp = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def index(data_at):
        infe = [
            box(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + kind + b"\0")
            for number, kind in ((1, b"hvc1"), (2, b"Exif"), (3, b"mime"))
        ]
        places, at = b"", data_at
        for number, item in ((1, picture), (2, exif_item), (3, xmp)):
            places += struct.pack(">HHHHII", number, 0, 0, 1, at, len(item))
            at += len(item)
        iloc = box(b"iloc", b"\1\0\0\0" + b"\x44\0" + struct.pack(">H", 3) + places)
        return box(b"meta", bytes(4) + box(b"iinf", bytes(4) + struct.pack(">H", 3) + b"".join(infe)) + iloc)

    data = box(b"mdat", picture + exif_item + xmp)
    if index_last:
        return ftyp + data + index(len(ftyp) + 8)
    return ftyp + index(len(ftyp) + len(index(0)) + 8) + data
