"""Read the body of a canned response: `body` as text or a JSON value, or `bodyBase64` for other bytes."""

import base64
import binascii

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import json_response


def read_body(fields: Fields, default: str) -> tuple[str, bytes]:
    """Return the content type and the bytes.

    A string is sent unchanged. Any other JSON value is sent as JSON.
    """
    given = fields.has("body")
    body, encoded = fields.anything("body"), fields.optional_text("bodyBase64")
    if given and encoded is not None:
        raise InputError("A fault takes body or bodyBase64, not both.")
    if encoded is not None:
        try:
            return "application/octet-stream", base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise InputError("A fault: bodyBase64 must be base64.") from None
    if not given:
        body = default
    if isinstance(body, str):
        return "text/plain; charset=utf-8", body.encode()
    response = json_response(200, body)
    return response.headers["Content-Type"], response.body
