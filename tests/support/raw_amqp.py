"""Messages as any AMQP client may make them, byte by byte, also such as no library would."""

import struct

import amqp

PLACES = {
    "content_type": 0x8000,
    "content_encoding": 0x4000,
    "application_headers": 0x2000,
    "delivery_mode": 0x1000,
    "priority": 0x0800,
    "correlation_id": 0x0400,
    "reply_to": 0x0200,
    "expiration": 0x0100,
    "message_id": 0x0080,
    "timestamp": 0x0040,
    "type": 0x0020,
    "user_id": 0x0010,
    "app_id": 0x0008,
    "cluster_id": 0x0004,
}
"""The properties in the order in which they stand, with their flags."""


class RawMessage(amqp.Message):
    """A message whose properties are what they are said to be."""

    def __init__(self, body, properties):
        super().__init__(body)
        self.raw_properties = properties

    def _serialize_properties(self):
        return self.raw_properties


def short(raw):
    """A short string."""
    return bytes([len(raw)]) + raw


def field(name, kind, raw=b""):
    """A field of a table: its name, the letter of its type, and its value as it is written."""
    return short(name) + kind + raw


def long(raw):
    """A long string, and the bytes of a table or an array with their length."""
    return struct.pack(">I", len(raw)) + raw


def properties(headers=None, **given):
    """The properties, each given as its bytes; short strings without their length."""
    flags, written = 0, b""
    for name, flag in PLACES.items():
        if name == "application_headers" and headers is not None:
            flags, written = flags | flag, written + long(headers)
        elif name in given:
            raw = given[name]
            flags |= flag
            written += raw if name in ("delivery_mode", "priority", "timestamp") else short(raw)
    return struct.pack(">H", flags) + written


def random_table(random, depth=0):
    """A table of the types that RabbitMQ takes, with any bytes in it."""
    return b"".join(
        field(random.randbytes(random.randrange(20)), *_value(random, depth))
        for _ in range(random.randrange(8))
    )


SIZES = {
    "b": 1,
    "B": 1,
    "t": 1,
    "s": 2,
    "u": 2,
    "I": 4,
    "i": 4,
    "f": 4,
    "D": 5,
    "l": 8,
    "L": 8,
    "d": 8,
    "T": 8,
    "V": 0,
}
"""Bytes of the values of a type that always has as many."""


def _value(random, depth):
    kind = random.choice([*SIZES, "S", "S", "S", "x", *("FA" if depth < 40 else "")])
    if kind in "Sx":
        raw = long(random.randbytes(random.randrange(60)))
    elif kind == "F":
        raw = long(random_table(random, depth + 1))
    elif kind == "A":
        raw = long(b"".join(b"".join(_value(random, depth + 1)) for _ in range(random.randrange(4))))
    else:
        raw = random.randbytes(SIZES[kind])
    return kind.encode(), raw


def random_properties(random, *, routing=b""):
    """Any of the properties with any bytes in them; ``routing`` stands in for some ``reply_to``."""
    given = {}
    for name in PLACES:
        if name in ("application_headers", "user_id", "expiration") or random.random() < 0.5:
            continue
        if name in ("delivery_mode", "priority"):
            given[name] = random.randbytes(1)
        elif name == "timestamp":
            given[name] = random.randbytes(8)
        elif name == "reply_to" and random.random() < 0.5:
            given[name] = routing
        else:
            given[name] = random.randbytes(random.choice((0, 1, 8, 40, 255)))
    return properties(random_table(random) if random.random() < 0.8 else None, **given)
