# SPDX-License-Identifier: BSD-2-Clause
"""Tokens of links to the page of refusals, made and read without our code."""

import base64
import hashlib
import hmac
import ipaddress
import struct
import time

RESULTS = ["none", "neutral", "pass", "fail", "softfail", "temperror",
    "permerror"]
TEXTS = ("domain", "receiver", "client_name", "rule", "reason")
MAC = 16


def encode(key, result="fail", identity="mailfrom", null_sender=False,
        deferred=None, level=3, seconds=None, client="192.0.2.1", version=1,
        **texts):
    given = {"domain": "example.com", "receiver": "mx.example.org",
        "reason": "-all", **texts}
    address = ipaddress.ip_address(client)
    deferred = result == "temperror" if deferred is None else deferred
    flags = RESULTS.index(result) | (identity == "mailfrom") << 3 | \
        null_sender << 4 | (address.version == 6) << 5 | deferred << 6
    seconds = int(time.time()) if seconds is None else seconds
    octets = struct.pack(">BBBI", version, flags, level, seconds) + \
        address.packed + b"".join(given.get(name, "").encode("latin-1") +
        b"\0" for name in TEXTS)
    octets += bytes(-(len(octets) + MAC) % 3)
    return base64.urlsafe_b64encode(octets + sign(key, octets)).decode()


def sign(key, octets):
    return hmac.new(key, octets, hashlib.sha256).digest()[:MAC]


def decode(key, token):
    """The facts; None: not made with key."""
    octets = base64.urlsafe_b64decode(token)
    octets, mac = octets[:-MAC], octets[-MAC:]
    if not hmac.compare_digest(mac, sign(key, octets)):
        return None
    version, flags, level, seconds = struct.unpack(">BBBI", octets[:7])
    size = 16 if flags & 0x20 else 4
    texts = octets[7 + size:].decode("latin-1").split("\0")
    return {"version": version, "result": RESULTS[flags & 7],
        "identity": "mailfrom" if flags & 8 else "helo",
        "null_sender": bool(flags & 0x10),
        "deferred": bool(flags & 0x40), "level": level,
        "seconds": seconds,
        "client": str(ipaddress.ip_address(octets[7:7 + size])),
        **dict(zip(TEXTS, texts))}
