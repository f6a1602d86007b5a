"""The messages that validate.py measures, each with its schema. What is valid and what is not, every checker has to agree on."""

import json
import random

DRAFT = "https://json-schema.org/draft/2020-12/schema"

ORDER = {
    "$schema": DRAFT,
    "type": "object",
    "properties": {
        "type": {"enum": ["order", "cancel", "amend"]},
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "channel": {"type": "string", "maxLength": 32},
        "user": {"type": "string", "minLength": 1, "maxLength": 32},
        "sent_at": {"type": "string", "format": "date-time"},
        "symbol": {"type": "string", "minLength": 1, "maxLength": 12},
        "side": {"enum": ["buy", "sell"]},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 1000000},
        "price": {"type": "number", "exclusiveMinimum": 0},
        "note": {"type": "string", "maxLength": 280},
    },
    "required": ["type", "id", "channel", "user", "sent_at", "symbol", "side", "quantity", "price"],
    "additionalProperties": False,
}

ORDER_MESSAGE = {
    "type": "order",
    "id": "6f1c2b9e-3a47-4a0e-9d0b-5b8f6f0d1c22",
    "channel": "orders",
    "user": "maria.k",
    "sent_at": "2025-03-14T09:26:53.589Z",
    "symbol": "ACME",
    "side": "buy",
    "quantity": 250,
    "price": 101.25,
    "note": "Fill what you can before noon; the rest may wait until tomorrow morning, at the same price.",
}

CHAT = {
    "$schema": DRAFT,
    "type": "object",
    "properties": {
        "type": {"const": "chat"},
        "id": {"type": "string", "format": "uuid"},
        "room": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,30}$"},
        "nick": {"type": "string", "pattern": r"^[\p{L}\p{N}_.-]+$", "maxLength": 32},
        "mail": {"type": "string", "format": "email"},
        "link": {"type": "string", "format": "uri"},
        "from": {"type": "string", "format": "ipv6"},
        "at": {"type": "string", "format": "date-time"},
        "color": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
        "text": {"type": "string", "minLength": 1, "maxLength": 2000},
    },
    "required": ["type", "id", "room", "nick", "at", "text"],
    "unevaluatedProperties": False,
}

CHAT_MESSAGE = {
    "type": "chat",
    "id": "0b2a5c9e-7f1d-4f8b-9d55-1d6b1c2e3f40",
    "room": "release-party-12",
    "nick": "Jürgen_42",
    "mail": "juergen.weber@example.org",
    "link": "https://example.org/path/to/page?query=1#part",
    "from": "2001:db8::8a2e:370:7334",
    "at": "2025-03-14T09:26:53+01:00",
    "color": "#1e90ff",
    "text": "Schöne Grüße aus Köln! 🎉 See you at eight.",
}

BOOK = {
    "$schema": DRAFT,
    "type": "object",
    "properties": {
        "type": {"const": "book"},
        "symbol": {"type": "string", "minLength": 1, "maxLength": 12},
        "sequence": {"type": "integer", "minimum": 0},
        "bids": {"$ref": "#/$defs/side"},
        "asks": {"$ref": "#/$defs/side"},
    },
    "required": ["type", "symbol", "sequence", "bids", "asks"],
    "additionalProperties": False,
    "$defs": {
        "side": {"type": "array", "items": {"$ref": "#/$defs/level"}, "maxItems": 1000},
        "level": {
            "type": "object",
            "properties": {
                "price": {"type": "number", "exclusiveMinimum": 0},
                "size": {"type": "integer", "minimum": 1},
                "orders": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 50,
                           "uniqueItems": True},
                "venue": {"enum": ["north", "south", "dark"]},
            },
            "required": ["price", "size", "orders"],
            "additionalProperties": False,
        },
    },
}


def book_message():
    """About 10 KiB."""
    source = random.Random(1)

    def side(price, step):
        return [{"price": round(price + i * step, 2), "size": source.randrange(1, 5000),
                 "orders": source.sample(range(100000, 1000000), 4), "venue": source.choice(["north", "south", "dark"])}
                for i in range(61)]

    return {"type": "book", "symbol": "ACME", "sequence": 81920311, "bids": side(101.25, -0.25), "asks": side(101.5, 0.25)}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def row(name, schema, message, valid=True):
    return {"name": name, "schema": schema, "text": compact(message), "valid": valid}


def make_rows():
    return [
        row("order", ORDER, ORDER_MESSAGE),
        row("chat", CHAT, CHAT_MESSAGE),
        row("book", BOOK, book_message()),
        row("order, refused", ORDER, ORDER_MESSAGE | {"quantity": 0}, valid=False),
    ]
