"""The provider's list held against our records: ours and foreign tokens, and what is listed no more."""

from dataclasses import dataclass, replace
from typing import Any

from token_broker.domain.token import SERVABLE, SHOP, Origin, State, Token, token_from
from token_broker.errors import TokenNotFound
from token_broker.ports.provider import ListedToken, ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.inventory import Inventory, record_headroom, take_inventory


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One row: a token as answers show it, whose it is, and where it stands."""

    token: Token

    def as_json(self) -> dict[str, Any]:
        """The row. Where the value must not be shown, its fingerprint is."""
        shown = {**self.token.as_json(), "origin": self.token.origin.value, "state": self.token.state.value}
        if self.token.access_token is None:
            shown["fingerprint"] = self.token.digest
        return shown


@dataclass(frozen=True, slots=True)
class TokenList:
    """All rows; `used` counts the provider's places, foreign tokens included."""

    tokens: list[TokenRow]
    used: int
    limit: int | None

    def as_json(self) -> dict[str, Any]:
        """The answer of the list route."""
        return {"tokens": [each.as_json() for each in self.tokens], "used": self.used, "limit": self.limit}


@dataclass(frozen=True, slots=True)
class RecordedToken:
    """One token's record: the row of the list, and how it came to stand there."""

    token: Token

    def as_json(self) -> dict[str, Any]:
        """The answer of the record's route; the history is in its own order, the oldest line first."""
        return {**TokenRow(self.token).as_json(), "history": [each.as_json() for each in self.token.history]}


def recorded_token(call: Call[ListingProvider], merchant: str, token_id: str) -> RecordedToken:
    """A token of ours, or one of others that was to be revoked here; also in the retention after its end.

    Neither the provider nor the merchant's secret is asked for: what was, stays to be read. Raises `TokenNotFound`.
    """
    token = call.store.get_token(merchant, token_id)
    if token is None:
        raise TokenNotFound(
            "This stack has no record of a token with this id, or none any more. List the tokens to see those that "
            "exist at the provider."
        )
    if token.state not in SERVABLE or token.origin is Origin.FOREIGN:
        token = replace(token, access_token=None)
    return RecordedToken(token)


def list_tokens(call: Call[ListingProvider], merchant: str) -> TokenList:
    """All tokens of the app at the shop. Values are shown of ours alone, once recorded and until revoked."""
    until = call.deadline.within(PROVIDER_BUDGET)
    found = call.with_credential_refresh(merchant, lambda account: take_inventory(call, account, until))
    rows = [_row(call, merchant, each, found) for each in found.listed]
    rows += [_lost(record) for record in found.unlisted()]
    record_headroom(call, found.used)
    return TokenList([TokenRow(row) for row in rows], found.used, call.provider.capabilities.limit)


def _row(call: Call[ListingProvider], merchant: str, listed: ListedToken, found: Inventory) -> Token:
    record = found.records.get(listed.token.token_id)
    if record is not None and record.origin is Origin.BROKER:
        return record
    tag = found.own_tag(listed)
    row = token_from(
        listed.token,
        provider=call.provider.name,
        merchant=merchant,
        subject=SHOP,
        state=State.STANDING if record is None else record.state,
        origin=Origin.FOREIGN if tag is None else Origin.BROKER,
        title=listed.title if tag is None else tag.title,
    )
    return replace(row, access_token=None)


def _lost(record: Token) -> Token:
    return replace(record, state=State.LOST, access_token=None)
