"""Define the table's layout: its partition keys, sort keys and TTL (`expiresAt`), and a token's record.

    {provider}#{merchant}           shop-wide items of one merchant
        subject#shop                current token, lease and open intent          no TTL
        token#{tokenId}             record of one token                           TTL: expiry at the provider, or end of
                                                                                  retention if revoked or lost
        rotation#shop               open or last rotation                         no TTL
        settings#rotation           rotation settings of the merchant             no TTL
        reconciliation#shop         due time of the next reconciliation           no TTL
        pair#shop                   version of the session secret with the        no TTL
                                    expiring credentials, and the lease to renew them
        mint-quota#{minute}         number of mints that callers have requested   TTL: a minute after this minute
                                    in the minute that begins then (Unix seconds)
        intent#{intent or key}      lease and open intent of a standing token     no TTL
                                    later the result for its Idempotency-Key      TTL: end of the key's retention
    chicksx#{merchant}#session:{id} one checkout session
        subject                     lease, open intent, time and order of         TTL: end of retention, none while
                                    the closure                                   the lease is held
        token#{tokenId}             token of the session                          TTL: expiry at the provider
    policy#{merchant}
        policy                      trust policy and preview origins of the       no TTL
                                    merchant
    outbox#{provider}#{merchant}    undelivered events of one merchant
        event#{eventId}             one event                                     no TTL
    broker
        id                          this stack's random id                        no TTL

`subject#shop` repeats the current token, so that one read serves it. Only `token#` and `subject#shop` hold a token's
value. An item with pending work has the attributes `due` (one of 16 shards) and `dueAt` (Unix seconds). They are the
keys of the sparse index `due`. A reader accepts an item without a newer attribute, because older versions wrote it.
"""

import zlib
from collections.abc import Mapping
from typing import Any

from token_broker.aws.store.attributes import Key
from token_broker.domain.token import SERVABLE, SHOP, Change, Origin, State, Token, Transition, Use

BROKER_KEY = ("broker", "id")
DUE_SHARDS = 16
#: Sort keys of shop-wide items, and how those of the items of which there can be many begin.
ROTATION, SETTINGS, RECONCILIATION = "rotation#shop", "settings#rotation", "reconciliation#shop"
PAIR = "pair#shop"
TOKEN, INTENT, MINT_QUOTA = "token#", "intent#", "mint-quota#"


def partition(provider: str, merchant: str, subject: str = SHOP) -> str:
    """Return the partition key of a merchant's shop-wide items, or of one session."""
    return f"{provider}#{merchant}" if subject == SHOP else f"{provider}#{merchant}#{subject}"


def subject_key(provider: str, merchant: str, subject: str) -> Key:
    """Return the key of a subject's lease, fence and current token."""
    return partition(provider, merchant, subject), "subject#shop" if subject == SHOP else "subject"


def token_key(provider: str, merchant: str, subject: str, token_id: str) -> Key:
    """Return the key of a token's record."""
    return partition(provider, merchant, subject), f"{TOKEN}{token_id}"


def transition(at: int, change: Change, before: State | None, after: State) -> dict[str, Any]:
    """Return one entry of a record's history. It stores actor and reason as `by` and `why`."""
    return Transition(at, change.actor, before, after, change.reason.value).as_json()


def due_shard(pk: str) -> str:
    """Return the shard of the index `due` for a partition. It never changes, and spreads partitions evenly."""
    return f"due#{zlib.crc32(pk.encode()) % DUE_SHARDS}"


def token_attributes(token: Token) -> dict[str, Any]:
    """Return a token's record without its key. It stores the provider account as `realm`."""
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
    """Return the token of a record (plain values)."""
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
        # In the record of an ended token, `expiresAt` is the end of its retention and not the token's expiry.
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


def _transition(entry: Mapping[str, Any]) -> Transition:
    before = entry.get("from")
    state_before = None if before is None else State(before)
    return Transition(entry["at"], entry["by"], state_before, State(entry["to"]), entry["why"])
