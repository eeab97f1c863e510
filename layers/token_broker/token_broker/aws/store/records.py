"""How things lie in the table: partition keys, sort keys, the TTL (`expiresAt`), and a token as an item.

    {provider}#{merchant}           a merchant's shop-wide things
        subject#shop                current token, lease and open intent          no TTL
        token#{tokenId}             a token's record                              TTL: the provider's expiry; once it is
                                                                                  revoked, the end of its retention
        rotation#shop               the open or the last rotation                 no TTL
        settings#rotation           how the merchant's tokens are rotated         no TTL
        reconciliation#shop         when they are compared with the list next     no TTL
        intent#{intent or key}      a standing token's lease and open intent,     no TTL
                                    then its Idempotency-Key's memory             TTL: the end of the key's retention
    chicksx#{merchant}#session:{id} one checkout session
        subject                     lease and open intent; closed since when,     TTL: its retention's end,
                                    by which order                                none while somebody holds the lease
        token#{tokenId}             its token                                     TTL: the provider's expiry
    broker
        id                          this stack's random name                      no TTL
    dispatch
        cursor                      where the clock's last run was cut off        no TTL

`subject#shop` repeats the current token, so that serving it is one read. Values are nowhere else than in `token#` and
there. `outbox_items` shows where events are. An item that the clock must come back to carries `due` (one of 16) and
`dueAt`, which the sparse index `due` is made of.
"""

import zlib
from collections.abc import Mapping
from typing import Any

from token_broker.aws.store.attributes import Key
from token_broker.domain.token import SERVABLE, SHOP, Change, Origin, State, Token, Transition, Use

BROKER_KEY = ("broker", "id")
DUE_SHARDS = 16


def partition(provider: str, merchant: str, subject: str = SHOP) -> str:
    """The partition of a merchant's shop-wide things, or of one session."""
    return f"{provider}#{merchant}" if subject == SHOP else f"{provider}#{merchant}#{subject}"


def subject_key(provider: str, merchant: str, subject: str) -> Key:
    """Where a subject's lease, fence and current token are."""
    return partition(provider, merchant, subject), "subject#shop" if subject == SHOP else "subject"


def token_key(provider: str, merchant: str, subject: str, token_id: str) -> Key:
    """Where a token's record is."""
    return partition(provider, merchant, subject), f"token#{token_id}"


def intent_key(provider: str, merchant: str, intent_id: str) -> Key:
    """Where a standing token's intent is."""
    return partition(provider, merchant), f"intent#{intent_id}"


def rotation_key(provider: str, merchant: str) -> Key:
    """Where the open or the last rotation is."""
    return partition(provider, merchant), "rotation#shop"


def settings_key(provider: str, merchant: str) -> Key:
    """Where it is kept how the merchant's tokens are rotated."""
    return partition(provider, merchant), "settings#rotation"


def reconciliation_key(provider: str, merchant: str) -> Key:
    """Where it is kept when the merchant's tokens are compared with the provider's list next."""
    return partition(provider, merchant), "reconciliation#shop"


def transition(at: int, change: Change, before: State | None, after: State) -> dict[str, Any]:
    """One line of a record's history."""
    return Transition(at, change.actor, before, after, change.reason.value).as_json()


def due_shard(pk: str) -> str:
    """The part of the due-index that a partition belongs to: spread, and always the same."""
    return f"due#{zlib.crc32(pk.encode()) % DUE_SHARDS}"


def token_attributes(token: Token) -> dict[str, Any]:
    """A token's record without its key."""
    return {
        "provider": token.provider,
        "merchant": token.merchant,
        "subject": token.subject,
        "tokenId": token.token_id,
        "accessToken": token.access_token,
        "fingerprint": token.digest,
        "tokenType": token.token_type,
        "scopes": list(token.scope),
        "issuedAt": token.issued_at,
        "expiresAt": token.expires_at,
        "use": token.use.as_json(),
        "state": token.state.value,
        "origin": token.origin.value,
        "title": token.title,
        "realm": token.account_id or None,
        "requestedBy": token.requested_by,
        "requestedScopes": None if token.requested_scope is None else list(token.requested_scope),
        "providerData": dict(token.provider_data),
    }


def token_of(item: Mapping[str, Any]) -> Token:
    """The token in a record (plain values)."""
    use = item["use"]
    requested = item.get("requestedScopes")
    state = State(item["state"])
    return Token(
        provider=item["provider"],
        merchant=item["merchant"],
        subject=item["subject"],
        token_id=item["tokenId"],
        access_token=item.get("accessToken"),
        digest=item["fingerprint"],
        token_type=item["tokenType"],
        scope=tuple(item["scopes"]),
        issued_at=item["issuedAt"],
        # On an ended token's record `expiresAt` is the end of its retention, which is nobody's business.
        expires_at=None if state not in SERVABLE else item.get("expiresAt"),
        use=Use(use["in"], use["name"], use.get("url")),
        state=state,
        origin=Origin(item["origin"]),
        title=item.get("title"),
        requested_by=item["requestedBy"],
        requested_scope=None if requested is None else tuple(requested),
        account_id=item.get("realm", ""),
        provider_data=item["providerData"],
        history=tuple(map(_transition, item.get("history", ()))),
    )


def _transition(line: Mapping[str, Any]) -> Transition:
    before = line.get("from")
    return Transition(line["at"], line["by"], None if before is None else State(before), State(line["to"]), line["why"])
