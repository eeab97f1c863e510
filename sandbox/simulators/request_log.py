"""Record each request to the providers without credential values.

A credential is shown as `sha256:` and the first 12 hex digits of the SHA-256 of the value as sent. In Authorization,
the scheme stays readable and the credential after it is hashed.
"""

from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sandbox.http_server.messages import JSON_TYPE, Request, fingerprint, parse_json

CREDENTIAL_FIELDS = ("client_id", "client_secret", "refresh_token", "subject_token")
FORM_TYPE = "application/x-www-form-urlencoded"
BODY_LIMIT = 64 * 1024


@dataclass
class RecordedRequest:
    """Record one request.

    `acted` says whether the provider's logic ran. `status` is its decision, even if a fault changed the response.
    """

    number: int
    at: float
    provider: str
    request: Request
    fault: str | None
    acted: bool = False
    status: int | None = None

    def as_json(self, credential_headers: Container[str]) -> dict[str, object]:
        """Return the request without the values of the named headers, of cookies and of authorizations."""
        return {
            "number": self.number,
            "at": self.at,
            "provider": self.provider,
            "method": self.request.method,
            "path": self.request.target,
            "headers": {
                name: _shown_header(name, value, credential_headers) for name, value in self.request.headers.items()
            },
            "body": _shown_body(self.request),
            "fault": self.fault,
            "acted": self.acted,
            "status": self.status,
        }


def _hidden(value: str) -> str:
    return f"sha256:{fingerprint(value)}"


def _shown_header(name: str, value: str, credential_headers: Container[str]) -> str:
    if name == "authorization":
        scheme, _, credential = value.partition(" ")
        return f"{scheme} {_hidden(credential.strip())}" if credential else _hidden(value)
    return _hidden(value) if name == "cookie" or name in credential_headers else value


def _shown_body(request: Request) -> object:
    """Return a JSON or form body as a value, any other body as text, and None for an empty one."""
    if not request.body:
        return None
    if len(request.body) > BODY_LIMIT:
        return f"({len(request.body)} bytes, too large to keep)"
    text = request.body.decode(errors="replace")
    try:
        value = parse_json(request.body) if request.media_type == JSON_TYPE else _form(request, text)
    except ValueError:
        value = text
    if isinstance(value, dict):
        return {name: _hidden(str(item)) if name in CREDENTIAL_FIELDS else item for name, item in value.items()}
    return _hidden(text) if any(field in text for field in CREDENTIAL_FIELDS) else value


def _form(request: Request, text: str) -> object:
    return dict(parse_qsl(text, strict_parsing=True)) if request.media_type == FORM_TYPE else text
