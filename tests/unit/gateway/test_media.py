"""Files are recognised by their content, named after it, and kept without what they say of where they were made."""

import random
import struct
from contextlib import closing

import pytest

from services.gateway.files import tiff
from services.gateway.files.cleaners import MalformedMetadataError
from services.gateway.files.types import HEAD, MEDIA_TYPES, name_for, recognise
from tests.support.photos import MAKER, SCAN, box, chunk, directory, exif, field, heic, jpeg, png, webp


def cleaned(mime_type, content, step=65536):
    with closing(MEDIA_TYPES[mime_type].cleaner()) as cleaner:
        out = b"".join(cleaner.feed(content[at : at + step]) for at in range(0, len(content), step))
        return out + b"".join(cleaner.finish()), cleaner.position


BRANDS = {
    "image/heic": ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"],
    "video/mp4": ["isom", "iso2", "iso4", "iso5", "iso6", "dash", "mp41", "mp42", "avc1", "M4V ", "MSNV"],
    "video/3gpp": ["3gp4", "3gp5", "3gp6", "3gr6", "3gs7", "3ge6", "3gg6"],
    "video/quicktime": ["qt  "],
    "audio/mp4": ["M4A ", "M4B "],
    "": ["avif", "avis", "crx ", "jp2 ", "3g2a", "abcd"],
}


@pytest.mark.parametrize(("mime_type", "brand"), [(name, brand) for name in BRANDS for brand in BRANDS[name]])
def test_the_brand_decides_the_type_of_a_base_media_file(mime_type, brand):
    found = recognise(box(b"ftyp", brand.encode() + b"\0\0\0\0" + brand.encode()) + box(b"mdat", b"x"))
    assert (found.name if found else "") == mime_type


def test_the_brands_that_a_file_is_compatible_with_decide_where_the_first_one_is_not_known():
    assert recognise(box(b"ftyp", b"abcd\0\0\0\0abcdisom")).name == "video/mp4"
    assert recognise(box(b"ftyp", b"mif1\0\0\0\0mif1heix")).name == "image/heic"
    assert recognise(box(b"ftyp", b"mif1\0\0\0\0mif1avif")) is None
    # what stands behind the box says nothing
    assert recognise(box(b"ftyp", b"abcd\0\0\0\0") + b"isomisom") is None


@pytest.mark.parametrize(
    ("head", "mime_type"),
    [
        (jpeg(), "image/jpeg"),
        (png(), "image/png"),
        (b"GIF89a" + b"\0" * 20, "image/gif"),
        (webp((b"VP8 ", b"x")), "image/webp"),
        (exif(), "image/tiff"),
        (exif(">"), "image/tiff"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x1aE\xdf\xa3\x9f\x42\x82\x84webm\x42\x87\x81\x04", "video/webm"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
        (b"ID3\x04\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64" + b"\0" * 20, "audio/mpeg"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/x-wav"),
        (b"#!AMR\n", "audio/amr"),
        (b"GIF", ""),
        (b"GIF8 REM @echo off", ""),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\xff\xd8\xff\xd9", ""),
        (b"RIFF\0\0\0\0AVI ", ""),
        (b"\x1aE\xdf\xa3\x9f\x42\x82\x88matroska", ""),
        (b"\xff\xff\xff\xff", ""),
        (b"", ""),
        (b"<svg/>", ""),
    ],
)
def test_the_first_bytes_decide_the_type(head, mime_type):
    found = recognise(head[:HEAD])
    assert (found.name if found else "") == mime_type


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        ("run.bat", "image/gif", "run.gif"),
        ("report.hta", "image/gif", "report.gif"),
        ("photo.jpg.js", "image/gif", "photo.jpg.gif"),
        ("photo.js", "image/jpeg", "photo.jpg"),
        ("photo.JPG", "image/jpeg", "photo.JPG"),
        ("photo.jpeg", "image/jpeg", "photo.jpeg"),
        ("photo.jpg", "image/png", "photo.png"),
        ("run.exe. . ", "image/jpeg", "run.jpg"),
        ("run.ps1", "video/mp4", "run.mp4"),
        ("x.7z", "video/mp4", "x.mp4"),
        ("Bridge, 12.05.2026", "image/jpeg", "Bridge, 12.05.2026.jpg"),
        ("no extension", "image/heic", "no extension.heic"),
        (".bat", "image/gif", "file.gif"),
        ("", "image/gif", "file.gif"),
        ("a.b" * 85, "image/gif", ("a.b" * 84 + "a")[:251] + ".gif"),
        ("page.html", "text/html", "page.bin"),
    ],
)
def test_a_name_gets_the_extension_of_the_type(name, mime_type, expected):
    assert name_for(name, mime_type) == expected
    assert name_for(expected, mime_type) == expected


def test_every_extension_belongs_to_types_that_are_alike():
    for kind in MEDIA_TYPES.values():
        assert kind.extensions[0] not in {
            extension
            for other in MEDIA_TYPES.values()
            if other is not kind
            for extension in other.extensions[:1]
        }


@pytest.mark.parametrize("step", [1, 7, 65536])
def test_a_jpeg_loses_everything_but_the_picture(step):
    profile, adobe = field(0xE2, b"ICC_PROFILE\0\1\1profile"), field(0xEE, b"Adobe\0d\0\0\0\0\0")
    jfif = field(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    sent = jpeg(
        field(0xE1, b"Exif\0\0" + exif(orientation=1)),
        jfif,
        field(0xE1, b"http://ns.adobe.com/xap/1.0/\0Secret"),
        profile,
        field(0xE2, b"MPF\0Secret"),
        field(0xED, b"Photoshop 3.0\08BIMSecret"),
        field(0xE5, b"Secret"),
        adobe,
        field(0xFE, b"Secret"),
    )
    kept, position = cleaned("image/jpeg", sent + b"MotionPhoto" + sent, step)
    assert kept == jpeg(jfif, profile, adobe)
    assert position == (-72.333333, 18.5)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_keeps_how_it_is_to_be_turned(order):
    kept, _ = cleaned("image/jpeg", jpeg(field(0xE1, b"Exif\0\0" + exif(order, orientation=8))))
    assert MAKER not in kept
    at = kept.index(b"Exif\0\0")
    assert tiff.read_exif(kept[at : kept.index(b"\xff\xdb")]) == (None, 8)
    assert cleaned("image/jpeg", kept) == (kept, None)


def test_fields_between_the_scans_of_a_progressive_jpeg_are_removed():
    sent = jpeg(end=field(0xFE, b"Secret") + field(0xC4, b"table") + SCAN + b"\xff\xd9")
    kept, _ = cleaned("image/jpeg", sent)
    assert kept == jpeg(end=field(0xC4, b"table") + SCAN + b"\xff\xd9")


@pytest.mark.parametrize("junk", [b"junk", b"\0\0", b"\xff\0junk", b"\xff\xff", b"\xff\xe5\0\1"])
@pytest.mark.parametrize("step", [1, 65536])
def test_metadata_behind_bytes_that_programs_skip_are_removed(junk, step):
    """Decoders look for the next marker, so the photo is shown, and its position was read by everybody."""
    profile = field(0xE2, b"ICC_PROFILE\0\1\1profile")
    sent = jpeg(profile, junk, field(0xE1, b"Exif\0\0" + exif(orientation=1)), junk)
    kept, position = cleaned("image/jpeg", sent, step)
    assert kept.replace(junk, b"") == jpeg(profile).replace(junk, b"")
    assert position == (-72.333333, 18.5)


@pytest.mark.parametrize("marker", [0xE0, 0xE2, 0xEE])
def test_metadata_in_the_fields_of_others_are_removed(marker):
    sent = jpeg(field(marker, b"Exif\0\0" + exif(orientation=1)))
    assert cleaned("image/jpeg", sent) == (jpeg(), (-72.333333, 18.5))


@pytest.mark.parametrize("step", [1, 7, 65536])
def test_bytes_that_are_no_picture_are_kept_as_they_are(step):
    sent = b"\xff\xd8\xff\xe0\0\4ab" + random.Random(1).randbytes(300_000)
    assert cleaned("image/jpeg", sent, step) == (sent, None)
    sent = b"\x89PNG\r\n\x1a\n" + b"\1" * 99
    assert cleaned("image/png", sent, step) == (sent, None)


@pytest.mark.parametrize("cut", [1, 10, 99])
def test_a_block_behind_skipped_bytes_that_breaks_off_loses_that_half(cut):
    sent = b"\xff\xd8junk" + field(0xE1, b"Exif\0\0" + exif())[:-cut]
    assert cleaned("image/jpeg", sent)[0] == b"\xff\xd8junk"


def test_a_jpeg_that_breaks_off_within_its_metadata_loses_that_half():
    kept, _ = cleaned("image/jpeg", b"\xff\xd8" + field(0xE1, b"Exif\0\0" + exif())[:-20])
    assert kept == b"\xff\xd8"


@pytest.mark.parametrize(
    ("north", "east", "position"),
    [("N", "E", (72.333333, 18.5)), ("S", "W", (-72.333333, -18.5)), ("S", "E", (72.333333, -18.5))],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_position_has_its_signs(order, north, east, position):
    assert tiff.read_exif(exif(order, north=north, east=east))[0] == position


@pytest.mark.parametrize("latitude", [(91, 0, 0), (4_000_000_000, 0, 0)])
def test_a_position_that_is_nowhere_is_none(latitude):
    assert tiff.read_exif(exif(latitude=latitude))[0] is None


def test_a_position_of_zeros_is_that_of_a_camera_that_does_not_know():
    assert tiff.read_exif(exif(latitude=(0, 0, 0), longitude=(0, 0, 0)))[0] is None


@pytest.mark.parametrize("step", [1, 65536])
def test_a_png_keeps_the_chunks_of_the_picture(step):
    profile = chunk(b"iCCP", b"profile")
    sent = png(
        chunk(b"tEXt", b"Author\0Secret"),
        profile,
        chunk(b"eXIf", exif(orientation=1)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0Secret"),
        chunk(b"zTXt", b"Secret"),
        chunk(b"tIME", b"1234567"),
        chunk(b"prVt", b"Secret"),
    )
    assert cleaned("image/png", sent + b"Secret", step) == (png(profile), (-72.333333, 18.5))


def test_a_png_keeps_how_it_is_to_be_turned():
    kept, _ = cleaned("image/png", png(chunk(b"eXIf", exif(orientation=3))))
    assert kept == png(chunk(b"eXIf", tiff.only_orientation(3)))


@pytest.mark.parametrize("step", [1, 65536])
def test_a_webp_is_blanked_in_its_places(step):
    sent = webp(
        (b"VP8X", b"\x2c" + bytes(9)),
        (b"VP8 ", b"picture"),
        (b"EXIF", exif()),
        (b"XMP ", b"<Secret>"),
        (b"TAIL", b"x"),
    )
    kept, position = cleaned("image/webp", sent + b"Secret", step)
    assert len(kept) == len(sent)
    assert b"Secret" not in kept
    assert position == (-72.333333, 18.5)
    flags = kept[20]
    assert flags == 0x28  # the profile and EXIF, of which the orientation is left; no XMP
    at = kept.index(b"EXIF") + 8
    assert tiff.read_exif(kept[at : at + 100])[1] == 6
    assert b"picture" in kept


def test_a_webp_whose_size_leaves_too_little_room_for_its_metadata_loses_them():
    sent = bytearray(webp((b"VP8 ", b"picture"), (b"EXIF", exif())))
    sent[4:8] = struct.pack("<I", len(sent) - 8 - 50)
    kept, _ = cleaned("image/webp", bytes(sent))
    assert b"picture" in kept
    assert MAKER not in kept


def test_a_png_loses_what_comes_behind_a_chunk_that_is_none():
    sent = png(chunk(b"IDAT", b"picture"))[:-12] + b"\0\0\0\1\0\0\0\0" + chunk(b"eXIf", exif())
    kept, _ = cleaned("image/png", sent)
    assert b"picture" in kept
    assert MAKER not in kept


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_loses_its_entries_of_metadata(order):
    sent = exif(order)
    kept, position = cleaned("image/tiff", sent)
    assert position == (-72.333333, 18.5)
    assert len(kept) == len(sent)
    assert MAKER not in kept
    assert tiff.read_exif(kept) == (None, 6)
    assert kept[8 + 2 + 12 :].count(b"\0") == len(kept) - 22


@pytest.mark.parametrize("index_last", [False, True])
def test_a_heic_is_blanked_wherever_its_index_is(index_last):
    sent = heic(exif(), index_last=index_last)
    kept, position = cleaned("image/heic", sent + box(b"mpvd", b"Secret video"))
    assert position == (-72.333333, 18.5)
    assert len(kept) == len(sent) + 20
    assert b"Secret" not in kept
    assert MAKER not in kept
    assert b"picture" * 99 in kept
    assert (
        kept[: len(sent)].count(b"Exif") == 1
    )  # the type of the item, which has an orientation and nothing else
    assert tiff.only_orientation(6) in kept


def test_a_heic_that_moves_loses_the_user_data_of_its_tracks():
    movie = box(
        b"moov", box(b"trak", box(b"tkhd", b"head") + box(b"udta", b"Secret")) + box(b"uuid", b"Secret")
    )
    kept, _ = cleaned("image/heic", heic(exif()) + movie)
    assert b"Secret" not in kept
    assert kept[-len(movie) :].count(b"free") == 2
    assert b"head" in kept


@pytest.mark.parametrize("step", [1, 65536])
def test_boxes_that_go_up_to_the_end_of_the_file_lose_their_user_data(step):
    """A size of 0 (ISO/IEC 14496-12, 4.2)."""
    ftyp, film = box(b"ftyp", b"isom\0\0\0\0isom"), box(b"mdat", b"film" * 99)
    movie = box(b"moov", box(b"mvhd", b"m" * 20) + box(b"udta", b"Secret+18.5000-072.3333/"), size=0)
    kept, position = cleaned("video/mp4", ftyp + film + movie, step)
    assert len(kept) == len(ftyp + film + movie)
    assert b"Secret" not in kept
    assert position == (-72.3333, 18.5)
    kept, _ = cleaned("video/mp4", ftyp + film + box(b"udta", b"Secret" * 9, size=0), step)
    assert kept == ftyp + film + box(b"free", bytes(54), size=0)


@pytest.mark.parametrize("step", [1, 65536])
def test_a_video_loses_its_user_data(step):
    place = box(b"\xa9xyz", b"\0\x12\x15\xc7+18.5000-072.3333/")
    movie = box(
        b"moov", box(b"mvhd", b"m" * 20) + box(b"udta", place) + box(b"trak", box(b"meta", b"Secret" * 9))
    )
    sent = (
        box(b"ftyp", b"isom\0\0\0\0isom") + movie + box(b"uuid", b"Secret" * 9) + box(b"mdat", b"film" * 99)
    )
    kept, position = cleaned("video/mp4", sent, step)
    assert len(kept) == len(sent)
    assert b"Secret" not in kept
    assert b"18.5000" not in kept
    assert b"film" * 99 in kept
    assert position == (-72.3333, 18.5)
    assert cleaned("video/mp4", kept) == (kept, None)


@pytest.mark.parametrize("mime_type", sorted(name for name in MEDIA_TYPES if MEDIA_TYPES[name].cleaner))
def test_any_bytes_are_taken_in_any_pieces_and_nothing_grows(mime_type):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    whole = {
        "image/jpeg": jpeg(field(0xE1, b"Exif\0\0" + exif())),
        "image/png": png(chunk(b"eXIf", exif())),
        "image/webp": webp((b"VP8X", b"\x0c" + bytes(9)), (b"EXIF", exif()), (b"XMP ", b"x" * 99)),
        "image/tiff": exif(),
        "image/heic": heic(exif()),
    }.get(
        mime_type,
        box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", box(b"udta", b"x" * 99)) + box(b"mdat", b"f"),
    )
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.choice([0, 1, 0xFF, 0x7F, chance.randrange(256)])
        damaged = bytes(damaged[: chance.randrange(1, len(damaged) + 1)])
        try:
            once = cleaned(mime_type, damaged)
            assert cleaned(mime_type, damaged, chance.randrange(1, 50)) == once
            assert len(once[0]) <= len(damaged) + 32
        except MalformedMetadataError:
            assert mime_type in ("image/tiff", "image/heic")


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
def test_a_size_that_is_a_lie_takes_no_memory(size):
    lies = {
        "image/webp": b"RIFF\xff\xff\xff\xffWEBPEXIF" + size,
        "video/mp4": size + b"udta",
        "image/png": b"\x89PNG\r\n\x1a\n" + size + b"eXIf",
    }
    for mime_type, head in lies.items():
        kept, _ = cleaned(mime_type, head + b"x" * 100)
        assert len(kept) <= len(head) + 100


def test_entries_of_a_tiff_that_claim_everything_again_and_again_are_refused():
    entries = [(0x010F, 7, 2**31, struct.pack("<I", 0))] * 999
    with pytest.raises(MalformedMetadataError):
        cleaned("image/tiff", b"II*\0\x08\0\0\0" + directory("<", entries))
