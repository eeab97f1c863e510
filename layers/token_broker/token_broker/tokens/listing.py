"""List a merchant's tokens: ours, foreign ones, and recorded ones that the provider no longer lists."""

from copy import replace
from typing import Any, NamedTuple

from token_broker.domain.token import SERVABLE, Origin, State, Token
from token_broker.errors import TokenNotFound
from token_broker.ports.provider import ListedToken, ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.inventory import Inventory, record_headroom, take_inventory, without_record


class RecordedToken(NamedTuple):
    """Represent one token's record: its row of the list and its history."""

    token: Token

    def as_json(self) -> dict[str, Any]:
        """Return the response of the record's route. The history starts with its oldest line."""
        return {**_row(self.token), "history": [each.as_json() for each in self.token.history]}


def recorded_token(call: Call[ListingProvider], merchant: str, token_id: str) -> RecordedToken:
    """Return one token's record, which is kept for some time after the token has ended.

    A record is shown without the provider and the merchant's secret. Raises `TokenNotFound` if there is no record, and
    `InvalidRequest` if the provider has no such ids.
    """
    token = call.store.tokens.get(merchant, token_id)
    if token is None:
        call.provider.check_token_id(token_id)
        raise TokenNotFound(
            "This stack has no record of a token with this id. List the tokens to see those that exist at the provider."
        )
    if token.state not in SERVABLE or token.origin is Origin.FOREIGN:
        token = replace(token, access_token=None)
    return RecordedToken(token)


def list_tokens(call: Call[ListingProvider], merchant: str) -> dict[str, Any]:
    """Return all tokens of the app at the shop, and the number of quota slots that they and foreign tokens use.

    Only recorded tokens of this stack show their values, until they end.
    """
    until = call.deadline.within(PROVIDER_BUDGET)
    found = call.with_credential_refresh(merchant, lambda account: take_inventory(call, account, until))
    tokens = [_shown(call, merchant, each, found) for each in found.listed]
    tokens += [replace(record, state=State.LOST, access_token=None) for record in found.unlisted()]
    record_headroom(call, found.used)
    return {"tokens": [_row(each) for each in tokens], "used": found.used, "limit": call.capabilities.limit}


def _shown(call: Call[ListingProvider], merchant: str, listed: ListedToken, found: Inventory) -> Token:
    record = found.records.get(listed.token.token_id)
    if record is not None and record.origin is Origin.BROKER:
        return record
    token = without_record(call, merchant, listed, found.broker_id)
    return replace(token, state=token.state if record is None else record.state, access_token=None)


def _row(token: Token) -> dict[str, Any]:
    """Return a row of the list: a token with its origin and state. It has a fingerprint if it has no value."""
    row = {**token.as_json(), "origin": token.origin.value, "state": token.state.value}
    return {**row, "fingerprint": token.digest} if token.access_token is None else row
