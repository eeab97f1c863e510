"""Call what each provider has for one merchant. Each method raises `TokenBrokerError`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from token_broker_client.errors import InvalidRequest
from token_broker_client.models import (
    ClosedSession,
    Migration,
    PreviewOrigin,
    PreviewOrigins,
    Reconciliation,
    Revocation,
    Rotation,
    RotationSettings,
    Token,
    TokenList,
    TokenRecord,
    TrustPolicy,
    UnsupportedRotation,
)
from token_broker_client.transport import Answer

#: They share one JSON object with the document's members, and could send it to another merchant.
_FIELDS_BESIDE_THE_DOCUMENT = ("merchant", "ifMatch", "ifNoneMatch")

#: Call an operation of one merchant by its name, with its fields by their names in JSON.
Call = Callable[..., Answer]


class Shopify:
    """Issue, list, rotate and revoke Shopify storefront access tokens."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def current(self, *, fresh: bool = False) -> Token:
        """Return the shop's current token, which is created if there is none. `fresh` skips the functions' memory."""
        answer = self._call("shopify/storefront_access_token", cacheControl="no-cache" if fresh else None)
        return answer.read(Token)

    def create(self, title: str, *, idempotency_key: str | None = None) -> Token:
        """Create an additional token.

        A repetition with the same key returns the same token. Without a key, this call makes one, and its retries keep
        it. Pass your own if your process can crash and repeat the call.
        """
        answer = self._call("shopify/create_storefront_access_token", title=title, idempotencyKey=idempotency_key)
        return answer.read(Token)

    def list(self) -> TokenList:
        """Return all tokens of the app at the shop, also the foreign ones."""
        return self._call("shopify/list_storefront_access_tokens").read(TokenList)

    def record(self, token_id: str) -> TokenRecord:
        """Return one token's record and history. The provider is not asked."""
        return self._call("shopify/get_storefront_access_token", tokenId=token_id).read(TokenRecord)

    def revoke(self, token_id: str, *, foreign: bool = False) -> Revocation:
        """Revoke one token. `foreign` allows a token that this stack did not create."""
        answer = self._call("shopify/delete_storefront_access_token", tokenId=token_id, foreign=foreign or None)
        return answer.read(Revocation)

    def rotate(self, *, compromised: bool = False) -> Rotation:
        """Make another token current. `compromised` revokes the replaced tokens without an overlap.

        Requests within 60 seconds are one rotation. Only the first one's answer has the new token's id.
        """
        return self._call("shopify/rotate", compromised=compromised or None).read(Rotation)

    def rotation_settings(self) -> RotationSettings:
        """Return the rotation settings, or the defaults without a revision."""
        answer = self._call("shopify/get_rotation_settings")
        return answer.read(RotationSettings, revision=answer.revision)

    def set_rotation_settings(
        self, settings: RotationSettings, *, if_revision: int | None = None, only_new: bool = False
    ) -> RotationSettings:
        """Replace the rotation settings, and return them with their revision.

        Raises `PreconditionFailed` if the stored revision is not `if_revision`, or if there are settings and `only_new`
        is true.
        """
        answer = self._call(
            "shopify/put_rotation_settings",
            maxAgeDays=settings.max_age_days,
            overlapDays=settings.overlap_days,
            paused=settings.paused,
            **_precondition(if_revision, only_new=only_new),
        )
        return answer.read(RotationSettings, revision=answer.revision)

    def reconcile(self, *, apply: bool = False) -> Reconciliation:
        """Compare the records with the provider's list, and correct the records if `apply` is true.

        `done` has the changes of the last attempt. An earlier one may have made them, and its answer was lost.
        """
        return self._call("shopify/reconcile", apply=apply or None).read(Reconciliation)

    def migrate_token(self, confirm: str) -> Migration:
        """Exchange the merchant's permanent token for an expiring pair, for ever. `confirm` is the shop's domain."""
        return self._call("shopify/migrate_token", confirm=confirm).read(Migration)


class Fourthwall:
    """Issue the shop's Fourthwall token."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def current(self, *, fresh: bool = False) -> Token:
        """Return the shop's token. `fresh` skips the functions' memory, and has Fourthwall confirm the token."""
        answer = self._call("fourthwall/public_token", cacheControl="no-cache" if fresh else None)
        return answer.read(Token)

    def rotate(self) -> UnsupportedRotation:
        """Ask Fourthwall for its token again. Its tokens cannot be rotated.

        `changed` compares with the last request, also with one whose answer was lost.
        """
        return self._call("fourthwall/rotate").read(UnsupportedRotation)


class ChicksX:
    """Issue ChicksX tokens, each for one checkout session."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def token(self, session_id: str, *, scope: Sequence[str] | None = None) -> Token:
        """Return the session's token, which is created if there is none. Raises `SessionClosed` after its order."""
        listed = None if scope is None else list(scope)
        return self._call("chicksx/public_token", sessionId=session_id, scope=listed).read(Token)

    def close_session(self, session_id: str, *, order_id: str | int | None = None) -> ClosedSession:
        """Close a session whose order was placed. It never gets a token again."""
        answer = self._call("chicksx/close_session", sessionId=session_id, orderId=order_id)
        return answer.read(ClosedSession)

    def rotate(self) -> UnsupportedRotation:
        """Return that ChicksX tokens expire and need no rotation."""
        return self._call("chicksx/rotate").read(UnsupportedRotation)


class TrustPolicies:
    """Read and change one merchant's trust policy."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def get(self) -> TrustPolicy:
        """Return the policy. Raises `TrustPolicyNotFound`."""
        return _policy(self._call("storefronts/get_trust_policy"))

    def put(self, document: dict[str, Any], *, if_revision: int | None = None, only_new: bool = False) -> TrustPolicy:
        """Create or replace the policy.

        Raises `PreconditionFailed` if the stored revision is not `if_revision`, or if there is a policy and `only_new`
        is true.
        """
        if not document.keys().isdisjoint(_FIELDS_BESIDE_THE_DOCUMENT):
            raise InvalidRequest(f"A trust policy has no member {' or '.join(_FIELDS_BESIDE_THE_DOCUMENT)}.")
        condition = _precondition(if_revision, only_new=only_new)
        return _policy(self._call("storefronts/put_trust_policy", **document, **condition))

    def delete(self, *, if_revision: int | None = None) -> bool:
        """Delete the policy, so that no storefront is trusted. Return whether there was one.

        After a lost answer, the repeated request finds none.
        """
        condition = _precondition(if_revision, only_new=False)
        return self._call("storefronts/delete_trust_policy", **condition).body.get("deleted") is True


class Previews:
    """Allow more origins for a limited time. The trust policy and its revision stay as they are."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def allow(self, origin: str, *, expires_in: int) -> PreviewOrigin:
        """Allow one more exact origin for this many seconds, from 1 hour to 14 days.

        A repetition sets a new end, which may be earlier.

        Raises `TrustPolicyNotFound` if the merchant has no trust policy.
        """
        return self._call("storefronts/allow_preview_origin", origin=origin, expiresIn=expires_in).read(PreviewOrigin)

    def list(self) -> tuple[PreviewOrigin, ...]:
        """Return the preview origins that have not ended, the first to end first. Raises `TrustPolicyNotFound`."""
        return self._call("storefronts/list_preview_origins").read(PreviewOrigins).preview_origins

    def remove(self, origin: str) -> bool:
        """Remove a preview origin. Return whether it was there, which a repeated request finds no more."""
        return self._call("storefronts/remove_preview_origin", origin=origin).body.get("deleted") is True


def _policy(answer: Answer) -> TrustPolicy:
    return TrustPolicy(document=answer.body, revision=answer.revision)


def _precondition(if_revision: int | None, *, only_new: bool) -> dict[str, str]:
    condition = {} if if_revision is None else {"ifMatch": f'"{if_revision}"'}
    return {**condition, "ifNoneMatch": "*"} if only_new else condition
