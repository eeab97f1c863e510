"""Stand in for the broker in your own tests, in memory.

    fake = FakeTransport()
    broker = TokenBroker(fake)
    fake.fail("shopify/rotate", errors.ProviderUnavailable("…", retryable=True))

It keeps the broker's promises that a test can rely on: current and additional tokens, idempotency keys, revocations,
joined rotations, revisions, and sessions that close for ever. It checks neither inputs nor permissions.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from token_broker_client import errors
from token_broker_client.transport import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from token_broker_client.deadline import Deadline
    from token_broker_client.operations import Operation

#: Seconds within which a rotation joins the one before.
JOIN_WINDOW = 60
#: The id of a shop's first token. Further ones count up.
FIRST_TOKEN_ID = 1001
#: Tokens that the provider allows.
LIMIT = 100

_SETTINGS: Mapping[str, Any] = {"maxAgeDays": None, "overlapDays": 7, "paused": False}
_FINDINGS = ("fine", "inFlight", "unrecorded", "lost", "reappeared", "foreign", "elsewhere", "differing")
_USES: Mapping[str, Mapping[str, str]] = {
    "shopify": {"in": "header", "name": "X-Shopify-Storefront-Access-Token", "url": "https://shop.example/graphql"},
    "fourthwall": {"in": "query", "name": "storefront_token", "url": "https://shop.example/v1/"},
    "chicksx": {"in": "sdk", "name": "authenticationToken"},
}


class _Document:
    """Hold a document with its revision, which rises with every change."""

    def __init__(self) -> None:
        self.content: Mapping[str, Any] | None = None
        self.revision = 0

    def change(self, content: Mapping[str, Any] | None, fields: Mapping[str, Any]) -> bool:
        """Store the content, and return whether there was some. Raises `PreconditionFailed`."""
        existed = self.content is not None
        if content != self.content:
            expected = fields.get("ifMatch")
            current = f'"{self.revision}"' if existed else None
            if (expected is not None and expected != current) or (existed and fields.get("ifNoneMatch")):
                raise errors.PreconditionFailed("The stored revision is another one.", status=412)
            self.content = content
            self.revision += 1
        return existed


class _Merchant:
    """Hold what one merchant has."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.states: dict[str, str] = {}
        self.history: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        #: When retiring tokens end.
        self.overlaps: dict[str, int] = {}
        self.keys: dict[str, tuple[str, str]] = {}
        self.rotation: dict[str, Any] | None = None
        self.settings = _Document()
        self.policy = _Document()
        #: The end of each preview origin.
        self.previews: dict[str, int] = {}
        self.closed: dict[str, dict[str, Any]] = {}

    def with_state(self, state: str, provider: str, subject: str = "shop") -> dict[str, Any] | None:
        """Return the first token of a provider and subject that is in this state, or None."""
        for token_id, token in self.tokens.items():
            if (self.states[token_id], token["provider"], token["subject"]) == (state, provider, subject):
                return token
        return None


class FakeTransport:
    """Answer as the broker does. `calls` has all operations so far with their fields, also the failed ones.

    `clock` returns Unix seconds. `session_lifetime` is that of a session's token. Threads may share it.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, session_lifetime: int = 3600) -> None:
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self._clock = clock
        self._session_lifetime = session_lifetime
        self._merchants: defaultdict[str, _Merchant] = defaultdict(_Merchant)
        self._failures: defaultdict[str, list[errors.TokenBrokerError]] = defaultdict(list)
        self._lock = threading.Lock()
        self._lost: defaultdict[str, int] = defaultdict(int)
        self._answers: Mapping[str, Callable[[_Merchant, Mapping[str, Any]], Answer]] = {
            "shopify/storefront_access_token": self._shop_token,
            "shopify/list_storefront_access_tokens": self._list,
            "shopify/create_storefront_access_token": self._create,
            "shopify/get_storefront_access_token": self._record,
            "shopify/delete_storefront_access_token": self._revoke,
            "shopify/rotate": self._rotate,
            "shopify/get_rotation_settings": self._get_settings,
            "shopify/put_rotation_settings": self._put_settings,
            "shopify/reconcile": self._reconcile,
            "shopify/migrate_token": self._migrate,
            "fourthwall/public_token": self._fourthwall_token,
            "fourthwall/rotate": self._unsupported,
            "chicksx/public_token": self._session_token,
            "chicksx/close_session": self._close_session,
            "chicksx/rotate": self._unsupported,
            "storefronts/get_trust_policy": self._get_policy,
            "storefronts/put_trust_policy": self._put_policy,
            "storefronts/delete_trust_policy": self._delete_policy,
            "storefronts/allow_preview_origin": self._allow_preview,
            "storefronts/list_preview_origins": self._list_previews,
            "storefronts/remove_preview_origin": self._remove_preview,
        }

    def fail(self, operation: str, error: errors.TokenBrokerError, *, times: int = 1) -> None:
        """Raise this error at the next attempts of the operation, which does nothing then."""
        self._failures[operation] += [error] * times

    def lose_answer(self, operation: str, *, times: int = 1) -> None:
        """Carry out the next attempts of the operation, and raise `ConnectionFailed` in place of their answers."""
        self._lost[operation] += times

    def send(self, operation: Operation, fields: Mapping[str, Any], deadline: Deadline) -> Answer:  # noqa: ARG002
        """Carry out the operation. Raises `TokenBrokerError`."""
        given = {name: value for name, value in fields.items() if value is not None}
        with self._lock:
            return self._answer(operation, given)

    def close(self) -> None:
        """Do nothing."""

    def _answer(self, operation: Operation, given: Mapping[str, Any]) -> Answer:
        self.calls.append((operation.name, given))
        if self._failures[operation.name]:
            raise self._failures[operation.name].pop(0)
        answer = self._answers[operation.name](self._merchants[given["merchant"]], given)
        if self._lost[operation.name]:
            self._lost[operation.name] -= 1
            raise errors.ConnectionFailed("The answer was lost, as the test asked.", retryable=True)
        return answer

    def _new_token(self, of: _Merchant, fields: Mapping[str, Any], provider: str, state: str, why: str) -> Any:
        token_id, now = str(FIRST_TOKEN_ID + len(of.tokens)), int(self._clock())
        session_id = fields.get("sessionId")
        token: dict[str, Any] = {
            "provider": provider,
            "merchant": fields["merchant"],
            "tokenId": token_id,
            "accessToken": f"fake-{provider}-{token_id}",
            "tokenType": "storefront_access_token",
            "scope": fields.get("scope", []),
            "issuedAt": now,
            "expiresAt": None if session_id is None else now + self._session_lifetime,
            "subject": "shop" if session_id is None else f"session:{session_id}",
            "use": _USES[provider],
            "providerData": {},
        }
        if provider == "shopify":
            token["title"] = fields.get("title", "Token Broker")
        of.tokens[token_id] = token
        self._move(of, token_id, state, why)
        return of.tokens[token_id]

    def _move(self, of: _Merchant, token_id: str, state: str, why: str) -> None:
        before, of.states[token_id] = of.states.get(token_id), state
        line = {"at": int(self._clock()), "by": "test", "from": before, "to": state, "why": why}
        of.history[token_id].append(line)

    def _current(self, of: _Merchant, fields: Mapping[str, Any], provider: str) -> Any:
        shop = {"merchant": fields["merchant"]}
        return of.with_state("current", provider) or self._new_token(of, shop, provider, "current", "minted")

    def _shop_token(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        return Answer(self._current(of, fields, "shopify"))

    def _fourthwall_token(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        return Answer(self._current(of, fields, "fourthwall"))

    def _listed(self, of: _Merchant, token_id: str) -> dict[str, Any]:
        self._end_overlap(of, token_id)
        state = of.states[token_id]
        row = {**of.tokens[token_id], "origin": "broker", "state": state}
        if state in ("current", "standing", "retiring"):
            return row
        fingerprint = hashlib.sha256(row["accessToken"].encode()).hexdigest()[:12]
        return {**row, "accessToken": None, "fingerprint": fingerprint}

    def _end_overlap(self, of: _Merchant, token_id: str) -> None:
        if of.states[token_id] == "retiring" and of.overlaps[token_id] <= self._clock():
            self._move(of, token_id, "revoked", "rotated")

    def _list(self, of: _Merchant, _: Mapping[str, Any]) -> Answer:
        rows = [self._listed(of, token_id) for token_id in of.tokens if of.tokens[token_id]["provider"] == "shopify"]
        working = [row for row in rows if row["state"] != "revoked"]
        return Answer({"tokens": working, "used": len(working), "limit": LIMIT})

    def _create(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        key, title = fields.get("idempotencyKey", ""), fields["title"]
        if key in of.keys:
            first_title, token_id = of.keys[key]
            if first_title != title or of.states[token_id] == "revoked":
                raise errors.Conflict("This Idempotency-Key was used for another token.", status=409)
            return Answer(of.tokens[token_id])
        token = self._new_token(of, fields, "shopify", "standing", "requested")
        if key:
            of.keys[key] = (title, token["tokenId"])
        return Answer(token)

    def _known(self, of: _Merchant, fields: Mapping[str, Any]) -> str:
        token_id = str(fields["tokenId"])
        if of.tokens.get(token_id, {}).get("provider") != "shopify":
            raise errors.TokenNotFound("There is no token with this id.", status=404)
        return token_id

    def _record(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        token_id = self._known(of, fields)
        return Answer({**self._listed(of, token_id), "history": list(of.history[token_id])})

    def _revoke(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        token_id = self._known(of, fields)
        if of.states[token_id] != "revoked":
            self._move(of, token_id, "revoked", "requested")
        return Answer({"revocation": "confirmed"})

    def _rotate(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        now, compromised = int(self._clock()), fields.get("compromised", False)
        last = of.rotation
        if last and now - last["requestedAt"] < JOIN_WINDOW and (last["compromised"] or not compromised):
            return Answer({name: last[name] for name in last if name not in ("tokenId", "overlapEndsAt")})
        previous = of.with_state("current", "shopify")
        days = (of.settings.content or _SETTINGS)["overlapDays"]
        rotation = {
            "rotationId": f"rotation-{len(of.tokens)}",
            "state": "done",
            "compromised": compromised,
            "requestedAt": now,
        }
        if previous is not None:
            previous_id = previous["tokenId"]
            rotation["previousTokenId"] = previous_id
            if compromised:
                self._move(of, previous_id, "revoked", "compromised")
            else:
                self._move(of, previous_id, "retiring", "rotated")
                rotation["overlapEndsAt"] = now + days * 86_400
                of.overlaps[previous_id] = rotation["overlapEndsAt"]
        rotation["tokenId"] = self._current(of, fields, "shopify")["tokenId"]
        of.rotation = rotation
        return Answer(rotation)

    def _get_settings(self, of: _Merchant, _: Mapping[str, Any]) -> Answer:
        return Answer(of.settings.content or _SETTINGS, revision=of.settings.revision or None)

    def _put_settings(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        of.settings.change({name: fields.get(name, default) for name, default in _SETTINGS.items()}, fields)
        return self._get_settings(of, fields)

    def _reconcile(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        listed = self._list(of, fields).body
        tokens: dict[str, list[str]] = {finding: [] for finding in _FINDINGS}
        tokens["fine"] = [row["tokenId"] for row in listed["tokens"]]
        return Answer(
            {
                "applied": fields.get("apply", False),
                "used": listed["used"],
                "limit": LIMIT,
                "headroom": LIMIT - listed["used"],
                "counts": {finding: len(ids) for finding, ids in tokens.items()},
                "tokens": tokens,
                "done": {"adopted": [], "broughtBack": [], "revoking": [], "lost": [], "minted": None},
            }
        )

    def _migrate(self, _: _Merchant, fields: Mapping[str, Any]) -> Answer:
        now = int(self._clock())
        migration = {"merchant": fields["merchant"], "shop": fields["confirm"], "state": "done", "reversible": False}
        return Answer({**migration, "accessTokenExpiresAt": now + 3600, "refreshTokenExpiresAt": now + 90 * 86_400})

    def _unsupported(self, _of: _Merchant, _: Mapping[str, Any]) -> Answer:
        return Answer({"rotation": "unsupported", "changed": False})

    def _session_token(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        if fields["sessionId"] in of.closed:
            raise errors.SessionClosed("This session has expired.", status=410)
        token = of.with_state("current", "chicksx", f"session:{fields['sessionId']}")
        if token is not None and token["expiresAt"] <= self._clock():
            self._move(of, token["tokenId"], "lost", "lost")
            token = None
        return Answer(token or self._new_token(of, fields, "chicksx", "current", "minted"))

    def _close_session(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        session_id, order_id = fields["sessionId"], fields.get("orderId")
        closed = {"sessionId": session_id, "closed": True, "closedAt": int(self._clock())}
        if order_id is not None:
            closed["orderId"] = str(order_id)
        return Answer(of.closed.setdefault(session_id, closed))

    def _get_policy(self, of: _Merchant, _: Mapping[str, Any]) -> Answer:
        if of.policy.content is None:
            raise errors.TrustPolicyNotFound("This merchant has no trust policy.", status=404)
        return Answer(of.policy.content, revision=of.policy.revision)

    def _put_policy(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        beside = ("merchant", "ifMatch", "ifNoneMatch")
        of.policy.change({name: value for name, value in fields.items() if name not in beside}, fields)
        return self._get_policy(of, fields)

    def _delete_policy(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        deleted = of.policy.change(None, fields)
        of.previews.clear()
        return Answer({"deleted": deleted})

    def _allow_preview(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        self._get_policy(of, fields)
        end = of.previews[fields["origin"]] = int(self._clock()) + fields["expiresIn"]
        return Answer({"origin": fields["origin"], "expiresAt": end})

    def _list_previews(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        self._get_policy(of, fields)
        ends = sorted((end, origin) for origin, end in of.previews.items() if end > self._clock())
        return Answer({"previewOrigins": [{"origin": origin, "expiresAt": end} for end, origin in ends]})

    def _remove_preview(self, of: _Merchant, fields: Mapping[str, Any]) -> Answer:
        self._get_policy(of, fields)
        return Answer({"deleted": of.previews.pop(fields["origin"], 0) > self._clock()})
