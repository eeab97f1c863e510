"""Responses that are no complete 200, and the reason that is reported for each."""

import gzip
import json

from tests.contract.fast_reads.reading import item, respond
from tests.contract.scripted_server import answer

HTML = b"<!doctype html><html><body>Log in</body></html>"
#: In some responses, and in no reason.
CANARY = "canary-2b9e"


def error(status: int, code: str) -> bytes:
    return answer(json.dumps({"__type": f"com.amazonaws#{code}", "message": CANARY}).encode(), status=status)


def with_line(line: str) -> bytes:
    head, _, body = respond().partition(b"\r\n\r\n")
    return head + b"\r\n" + line.encode() + b"\r\n\r\n" + body


def without(name: str) -> bytes:
    lines = respond().split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(name.encode()))


INCOMPLETE: list[tuple[bytes, str]] = [
    *((error(400, code), "status_400") for code in ("ThrottlingException", "ExpiredTokenException")),
    (error(403, "InvalidSignatureException"), "status_403"),
    (error(500, "InternalServerError"), "status_500"),
    (answer(HTML, status=413), "status_413"),
    (answer(HTML, status=503), "status_503"),
    (answer(b"", status=204), "status_204"),
    (answer(b"", status=301, headers={"Location": f"http://127.0.0.1/{CANARY}"}), "status_301"),
    (b"HTTP/1.1 100 Continue\r\n\r\n", "status_100"),
    (respond().replace(b"HTTP/1.1", b"HTTP/1.0"), "not_http"),
    (respond().replace(b" 200 ", f" {CANARY[:3]} ".encode()), "not_http"),
    (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "not_http"),
    (respond().replace(b" 200 ", b" 2000 "), "not_http"),
    (respond().replace(b" 200 ", b" +20 "), "not_http"),
    (respond(HTML), "JSONDecodeError"),
    (respond(b""), "JSONDecodeError"),
    (respond(item().decode().encode("utf-16")), "UnicodeDecodeError"),
    (respond(b"[" * 200_000), "RecursionError"),
    (respond(b"[]"), "no_object"),
    (respond(b"null"), "no_object"),
    (respond(item(key="another merchant's")), "another_key"),
    (respond(b'{"Item": {}}'), "KeyError"),
    (respond(gzip.compress(item()), **{"Content-Encoding": "gzip"}), "encoded"),
    (with_line("Transfer-Encoding: chunked"), "encoded"),
    (without("content-length"), "no_usable_length"),
    (with_line(f"Content-Length: {len(item())}"), "malformed_head"),
    (with_line("Content-Length: 3"), "malformed_head"),
    (with_line("x-amz-crc32: 1"), "malformed_head"),
    (with_line("no colon"), "malformed_head"),
    (answer(item(), headers={"Content-Length": "-5"}), "no_usable_length"),
    (answer(item(), headers={"Content-Length": "5000000"}), "no_usable_length"),
    (answer(item(), headers={"Content-Length": "9" * 5000}), "no_usable_length"),
    (answer(item(), headers={"Content-Length": "0x20"}), "no_usable_length"),
    (respond() + b"x", "too_long"),
    (respond() + respond(), "too_long"),
    # botocore accepts this one, so it must not use a connection again that the server is closing.
    (answer(item(), headers={"x-amz-crc32": "1", "Connection": "close"}), "wrong_checksum"),
    (answer(item(), headers={"x-amz-crc32": "abc"}), "malformed_head"),
    (respond(x="y" * 100_000), "head_too_long"),
]
