"""The provider's list between two reads of our records, so that nothing that is in flight is misjudged.

records ─▶ the provider's list ─▶ open intents ─▶ records again

A token is made at the provider after its intent is there, and recorded in the transaction that ends the intent. So one
that is listed, and after that has neither an open intent nor a record, has none. One that was recorded before the list
was written, still is, and is not listed, is gone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from token_broker.clock import Deadline
from token_broker.domain.ownership_tag import TitleTag, parse_title
from token_broker.domain.token import SERVABLE, Origin, State, Token, fingerprint
from token_broker.ports.provider import Account, ListedToken, ListingProvider
from token_broker.tokens.call import Call

#: Seconds for which a record may be younger than what the provider's list shows.
SETTLED_AFTER = 120
_ENDED = (State.REVOKED, State.LOST)


class Finding(StrEnum):
    """What the comparison says of one token."""

    IN_SYNC = "fine"
    #: Being made, or recorded, ended or changed just now.
    IN_FLIGHT = "inFlight"
    #: Made by this stack, which has neither a record nor an intent of it.
    UNRECORDED = "unrecorded"
    #: Recorded as alive, and not at the provider.
    LOST = "lost"
    #: Recorded as gone, and at the provider.
    REAPPEARED = "reappeared"
    #: Somebody else's, or another stack's.
    FOREIGN = "foreign"
    #: Recorded at another shop than the merchant's secret names now.
    WRONG_ACCOUNT = "elsewhere"
    #: Listed with another value than was recorded under its id.
    VALUE_MISMATCH = "differing"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was read, in the order of the fields; tokens by their ids. `open_intents` is empty where nobody asked."""

    account: Account
    before: Mapping[str, Token] = field(repr=False)
    listed: Sequence[ListedToken] = field(repr=False)
    open_intents: Collection[str]
    records: Mapping[str, Token] = field(repr=False)
    broker_id: str

    @property
    def used(self) -> int:
        """The provider's places that are taken, foreign tokens included."""
        return len(self.listed)

    @property
    def by_id(self) -> Mapping[str, ListedToken]:
        """What is listed."""
        return {each.token.token_id: each for each in self.listed}

    @property
    def ours_listed(self) -> bool:
        """Whether the provider lists anything that this stack has made."""
        return any(self.own_tag(each) is not None or each.token.token_id in self.records for each in self.listed)

    def own_tag(self, listed: ListedToken) -> TitleTag | None:
        """The title taken apart, if it has this stack's mark."""
        tag = parse_title(listed.title)
        return tag if tag.broker_id == self.broker_id else None

    def unlisted(self) -> list[Token]:
        """The records of what was alive before the list was written, is so now, and is not in it."""
        listed = self.by_id
        return [
            record
            for token_id, record in self.records.items()
            if token_id not in listed
            and record.state in SERVABLE
            and token_id in self.before
            and self.before[token_id].state in SERVABLE
        ]

    def findings(self, now: float) -> dict[Finding, list[str]]:
        """The ids by what is to be said of each token; all findings are there, those of nothing are empty."""
        found: dict[Finding, list[str]] = {finding: [] for finding in Finding}
        for each in self.listed:
            found[self._of_listed(each, now)].append(each.token.token_id)
        for record in self.unlisted():
            found[self._of_unlisted(record, now)].append(record.token_id)
        return found

    def _of_listed(self, listed: ListedToken, now: float) -> Finding:
        record, tag = self.records.get(listed.token.token_id), self.own_tag(listed)
        if record is None:
            if tag is None:
                return Finding.FOREIGN
            return Finding.IN_FLIGHT if tag.intent_id in self.open_intents else Finding.UNRECORDED
        if self._is_elsewhere(record):
            return Finding.WRONG_ACCOUNT
        if record.digest != fingerprint(listed.token.access_token):
            return Finding.VALUE_MISMATCH
        if record.state in _ENDED:
            # One that has ended while the list was written, or a moment before, may be in it all the same.
            before = self.before.get(record.token_id)
            ended_before = before is not None and before.state is record.state
            return Finding.REAPPEARED if ended_before and _settled(record, now) else Finding.IN_FLIGHT
        return Finding.IN_SYNC if record.origin is Origin.BROKER else Finding.FOREIGN

    def _of_unlisted(self, record: Token, now: float) -> Finding:
        if self._is_elsewhere(record):
            return Finding.WRONG_ACCOUNT
        return Finding.LOST if _settled(record, now) else Finding.IN_FLIGHT

    def _is_elsewhere(self, record: Token) -> bool:
        return record.account_id not in ("", self.account.account_id)


def take_inventory(
    call: Call[ListingProvider], account: Account, until: Deadline, *, intents: bool = False
) -> Inventory:
    """Read all of it; without `intents` what is in flight cannot be told from what has no record."""
    merchant = account.merchant
    before = {record.token_id: record for record in call.store.all_tokens(merchant)}
    listed = call.provider.list_tokens(account, until)
    open_intents = call.store.open_intent_ids(merchant) if intents else frozenset()
    records = {record.token_id: record for record in call.store.all_tokens(merchant)}
    return Inventory(account, before, listed, open_intents, records, call.store.broker_id())


def record_headroom(call: Call[ListingProvider], used: int) -> int | None:
    """The places that are left, told as a metric; None where the provider has no limit."""
    limit = call.provider.capabilities.limit
    if limit is None:
        return None
    headroom = max(0, limit - used)
    call.telemetry.count("TokenLimitHeadroom", headroom)
    return headroom


def _settled(record: Token, now: float) -> bool:
    """Whether it has been as it is for so long that a list shows it. A clock that has jumped back says no."""
    since = record.history[-1].at if record.history else record.issued_at
    return now - since >= SETTLED_AFTER
