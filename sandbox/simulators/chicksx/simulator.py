"""Simulate ChicksX's POST /v1/public_token/create, independent of sockets.

The contract is ChicksX's page "Create public access token". It has the headers x-api-key and x-client-id, and a JSON
object with `sessionId` (string, required) and `scope` (array of strings). The response is 201 {"code": "OK", "data":
{…}, "message": …}. The page's examples show the code INVALID_INPUT for 400, 401 and 500, so every error here has it. A
session can have several tokens until its order is placed, and no new token afterward.
"""

import base64
import json
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.http_server.json_fields import Fields, InputError, json_body
from sandbox.http_server.messages import JSON_TYPE, Request, Response, fingerprint, json_response, parse_json
from sandbox.simulators.descriptor import DemoSecret, ProviderSimulator, Routes

PATH = "/v1/public_token/create"
DEFAULT_SCOPES = ("wallet.read", "merchant.read")
SESSION_EXPIRED = "This session has expired. Restart the checkout from your platform."


@dataclass(frozen=True)
class Account:
    """Hold a merchant's credentials and scopes.

    If `scopes` is None, every requested scope is granted. `default_scopes` are granted when none is requested.
    """

    api_key: str
    client_id: str
    scopes: tuple[str, ...] | None
    default_scopes: tuple[str, ...]
    token_seconds: int


@dataclass(frozen=True)
class IssuedToken:
    jti: str
    session_id: str
    access_token: str
    scope: tuple[str, ...]
    expires_at: int


@dataclass
class Merchant:
    account: Account
    tokens: list[IssuedToken] = field(default_factory=list)
    mints: int = 0


def read_account(value: object) -> Account:
    """Read {"apiKey","clientId"}, and "scopes"?, "defaultScopes"?, "tokenSeconds"? (3600)."""
    fields = Fields(value, "A ChicksX account")
    api_key, client_id = fields.text("apiKey"), fields.text("clientId")
    scopes, default_scopes = fields.texts("scopes"), fields.texts("defaultScopes")
    seconds = fields.whole("tokenSeconds", 3600, 1, 31_536_000)
    fields.finish()
    return Account(api_key, client_id, scopes, DEFAULT_SCOPES if default_scopes is None else default_scopes, seconds)


class Chicksx:
    def __init__(self) -> None:
        self._merchants: dict[str, Merchant] = {}
        self._closed: set[tuple[str | None, str]] = set()

    def put_account(self, name: str, value: object) -> None:
        """Create a merchant, or replace its credentials. Its tokens and sessions stay."""
        account = read_account(value)
        if name in self._merchants:
            self._merchants[name].account = account
        else:
            self._merchants[name] = Merchant(account)

    def delete_account(self, name: str) -> bool:
        return self._merchants.pop(name, None) is not None

    def place_order(self, session_id: str, name: str | None) -> bool:
        """Place the session's order, at one merchant or (None) at all.

        Returns False if there is no such merchant.
        """
        if name is not None and name not in self._merchants:
            return False
        self._closed.add((name, session_id))
        return True

    def admit(self, _request: Request, now: float) -> float:
        return now

    def respond(self, request: Request, now: float) -> Response:
        if request.path != PATH:
            return json_response(404, {"code": "NOT_FOUND", "message": "No such endpoint"})
        if request.method != "POST":
            error = {"code": "METHOD_NOT_ALLOWED", "message": "Use POST"}
            return json_response(405, error, {"Allow": "POST"})
        found = self._authenticate(request)
        if found is None:
            return _error(401, "Invalid API key or client identifier")
        name, merchant = found
        try:
            session_id, scope = _read_body(request)
        except ValueError as fault:
            return _error(400, str(fault))
        if {(name, session_id), (None, session_id)} & self._closed:
            return _error(400, SESSION_EXPIRED)
        return json_response(201, self._issue(merchant, session_id, scope, int(now)))

    def state(self, now: float) -> dict[str, object]:
        return {
            name: {
                "tokens": [
                    {
                        "jti": token.jti,
                        "sessionId": token.session_id,
                        "scope": list(token.scope),
                        "expiresAt": token.expires_at,
                        "fingerprint": fingerprint(token.access_token),
                    }
                    for token in merchant.tokens
                    if token.expires_at > now
                ],
                "closedSessions": sorted(session for owner, session in self._closed if owner in (name, None)),
                "mints": merchant.mints,
            }
            for name, merchant in self._merchants.items()
        }

    def _authenticate(self, request: Request) -> tuple[str, Merchant] | None:
        sent = (request.headers.get("x-api-key"), request.headers.get("x-client-id"))
        for name, merchant in self._merchants.items():
            if sent == (merchant.account.api_key, merchant.account.client_id):
                return name, merchant
        return None

    @staticmethod
    def _issue(merchant: Merchant, session_id: str, requested: list[str] | None, now: int) -> dict[str, object]:
        account = merchant.account
        scope = list(account.default_scopes) if requested is None else requested
        if requested is not None and account.scopes is not None:
            scope = [item for item in requested if item in account.scopes]
        jti, expires_at = str(uuid.uuid4()), now + account.token_seconds
        claims = {
            "iss": "chicksx-simulator",
            "sub": account.client_id,
            "sessionId": session_id,
            "scope": scope,
            "iat": now,
            "exp": expires_at,
            "jti": jti,
        }
        access_token = _unverifiable_jwt(claims)
        merchant.mints += 1
        merchant.tokens.append(IssuedToken(jti, session_id, access_token, tuple(scope), expires_at))
        return {
            "code": "OK",
            "data": {
                "accessToken": access_token,
                "tokenType": "Bearer",
                "expiresIn": account.token_seconds,
                "expiresAt": expires_at,
                "scope": scope,
                "jti": jti,
            },
            "message": "Operation completed successfully",
        }


def _error(status: int, message: str) -> Response:
    return json_response(status, {"code": "INVALID_INPUT", "message": message})


def _read_body(request: Request) -> tuple[str, list[str] | None]:
    """Return the session id and the requested scopes.

    Raises `ValueError` with the message of the 400.
    """
    if request.media_type != JSON_TYPE:
        raise ValueError("Content-Type must be application/json")
    try:
        body = parse_json(request.body)
    except ValueError:
        raise ValueError("Invalid JSON in request body") from None
    if not isinstance(body, dict):
        raise ValueError("Request body must be an object")  # noqa: TRY004 - the same error for every body
    unknown = sorted(set(body) - {"sessionId", "scope"})
    if unknown:
        raise ValueError(f"Unknown field: {unknown[0]}"[:200])
    session_id, scope = body.get("sessionId"), body.get("scope")
    if not isinstance(session_id, str) or not session_id.strip():
        raise ValueError("sessionId is required and must be a string")
    if "scope" in body and not (isinstance(scope, list) and all(isinstance(item, str) for item in scope)):
        raise ValueError("scope must be an array of strings")
    return session_id, scope


def _unverifiable_jwt(claims: dict[str, object]) -> str:
    """Return three base64url parts of the right size.

    The signature is random, because no client may verify it.
    """
    header = _part(b'{"alg":"RS256","typ":"JWT"}')
    payload = _part(json.dumps(claims, separators=(",", ":")).encode())
    return f"{header}.{payload}.{_part(secrets.token_bytes(256))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _routes(chicksx: Chicksx) -> Routes:
    def place_order(request: Request) -> Response:
        fields = Fields(json_body(request), "An order")
        session_id, name = fields.text("sessionId"), fields.optional_text("account")
        fields.finish()
        if not chicksx.place_order(session_id, name):
            raise InputError(f"There is no ChicksX account {name}; put it first, or leave account out.")
        return json_response(201, {"sessionId": session_id})

    return {"/orders": {"POST": place_order}}


def _demo_secrets() -> Iterator[DemoSecret]:
    yield DemoSecret("chicksx", "demo", {"apiKey": secrets.token_hex(16), "clientId": secrets.token_hex(16)})


SIMULATOR = ProviderSimulator(
    make=lambda _now: Chicksx(),
    routes=_routes,
    path="/v1",
    credential_headers=("x-api-key", "x-client-id"),
    demo_secrets=_demo_secrets,
)
