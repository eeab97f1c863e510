"""Take an inventory: read the provider's list between two reads of our records.

records ─▶ the provider's list ─▶ open intents ─▶ records again

The order keeps a token in flight from being misjudged. An intent is stored before its token is created, and it ends in
the transaction that records the token. Therefore a listed token with neither an open intent nor a record afterwards is
unrecorded. A token that was recorded before and after the list, and is not in the list, is lost.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from token_broker.clock import Deadline
from token_broker.domain.ownership_tag import TitleTag, parse_title
from token_broker.domain.shown import shown
from token_broker.domain.token import SERVABLE, SHOP, Origin, State, Token, fingerprint, token_from
from token_broker.ports.provider import Account, ListedToken, ListingProvider
from token_broker.tokens.call import Call

#: Seconds that the provider's list may lag behind a change.
SETTLED_AFTER = 120
_ENDED = (State.REVOKED, State.LOST)


class Finding(StrEnum):
    """List the findings about one token. The values are part of the API, and some differ from the names."""

    IN_SYNC = "fine"
    #: Being created, or changed too recently for the list to show it.
    IN_FLIGHT = "inFlight"
    #: Created by this stack, with neither a record nor an open intent.
    UNRECORDED = "unrecorded"
    #: Recorded as working, and not listed.
    LOST = "lost"
    #: Recorded as ended, and listed.
    REAPPEARED = "reappeared"
    #: Not created by this stack.
    FOREIGN = "foreign"
    #: Recorded at another provider account than the secret's.
    WRONG_ACCOUNT = "elsewhere"
    #: Listed with another value than the recorded one.
    VALUE_MISMATCH = "differing"


class Inventory(NamedTuple):
    """Hold what was read, in the order of the fields.

    `before` and `records` map token ids to the records of the two reads. `open_intents` is empty if it was not read.
    """

    account: Account
    before: Mapping[str, Token]
    listed: Sequence[ListedToken]
    open_intents: Collection[str]
    records: Mapping[str, Token]
    broker_id: str

    def __repr__(self) -> str:
        """Show all but the tokens."""
        return shown(self, without=("before", "listed", "records"))

    @property
    def used(self) -> int:
        """Return the number of quota slots in use, including those of foreign tokens."""
        return len(self.listed)

    @property
    def by_id(self) -> Mapping[str, ListedToken]:
        """Return the listed tokens by their ids."""
        return {each.token.token_id: each for each in self.listed}

    @property
    def ours_listed(self) -> bool:
        """Return whether the provider lists any token of this stack."""
        return any(self.own_tag(each) is not None or each.token.token_id in self.records for each in self.listed)

    def own_tag(self, listed: ListedToken) -> TitleTag | None:
        """Return the parts of the title, or None if it has no ownership tag of this stack."""
        tag = parse_title(listed.title)
        return tag if tag.broker_id == self.broker_id else None

    def unlisted(self) -> list[Token]:
        """Return the records of tokens that worked before and after the list was read, and are not listed."""
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
        """Return the token ids for every finding. A finding without tokens has an empty list."""
        found: dict[Finding, list[str]] = {finding: [] for finding in Finding}
        for each in self.listed:
            found[self._finding_of_listed(each, now)].append(each.token.token_id)
        for record in self.unlisted():
            found[self._finding_of_unlisted(record, now)].append(record.token_id)
        return found

    def _finding_of_listed(self, listed: ListedToken, now: float) -> Finding:
        record, tag = self.records.get(listed.token.token_id), self.own_tag(listed)
        if record is None:
            if tag is None:
                return Finding.FOREIGN
            return Finding.IN_FLIGHT if tag.intent_id in self.open_intents else Finding.UNRECORDED
        if self.has_other_account(record):
            return Finding.WRONG_ACCOUNT
        if record.digest != fingerprint(listed.token.access_token):
            return Finding.VALUE_MISMATCH
        if record.state in _ENDED:
            # The list may still have a token that ended while it was read, or shortly before.
            before = self.before.get(record.token_id)
            ended_before = before is not None and before.state is record.state
            return Finding.REAPPEARED if ended_before and _settled(record, now) else Finding.IN_FLIGHT
        return Finding.IN_SYNC if record.origin is Origin.BROKER else Finding.FOREIGN

    def _finding_of_unlisted(self, record: Token, now: float) -> Finding:
        if self.has_other_account(record):
            return Finding.WRONG_ACCOUNT
        return Finding.LOST if _settled(record, now) else Finding.IN_FLIGHT

    def has_other_account(self, record: Token) -> bool:
        """Return whether the record is of a token at another provider account than the inventory's."""
        return record.account_id not in ("", self.account.account_id)


def take_inventory(
    call: Call[ListingProvider], account: Account, until: Deadline, *, intents: bool = False
) -> Inventory:
    """Read the records and the provider's list, and the open intents if `intents` is True.

    Without them, a token in flight has the finding `UNRECORDED`.
    """
    merchant = account.merchant
    before = {record.token_id: record for record in call.store.tokens.all(merchant)}
    listed = call.provider.list_tokens(account, until)
    open_intents = call.store.leases.open_intent_ids(merchant) if intents else frozenset()
    records = {record.token_id: record for record in call.store.tokens.all(merchant)}
    return Inventory(account, before, listed, open_intents, records, call.store.tokens.broker_id())


def without_record(call: Call[ListingProvider], merchant: str, listed: ListedToken, broker_id: str) -> Token:
    """Return a listed token that has no record. It is standing, and foreign unless its title has this stack's tag."""
    tag = parse_title(listed.title)
    ours = tag.broker_id == broker_id
    return token_from(
        listed.token,
        provider=call.provider.name,
        merchant=merchant,
        subject=SHOP,
        state=State.STANDING,
        origin=Origin.BROKER if ours else Origin.FOREIGN,
        title=tag.title if ours else listed.title,
        requested_by=call.caller,
    )


def record_headroom(call: Call[ListingProvider], used: int) -> int | None:
    """Emit the number of free quota slots as a metric and return it, or None if the provider has no limit."""
    limit = call.capabilities.limit
    if limit is None:
        return None
    headroom = max(0, limit - used)
    call.telemetry.count("TokenLimitHeadroom", headroom)
    return headroom


def changed_at(record: Token) -> int:
    """Return when the record was last changed (Unix seconds)."""
    return record.history[-1].at if record.history else record.issued_at


def _settled(record: Token, now: float) -> bool:
    """Return whether the record's last change is old enough for the list to show it."""
    return now - changed_at(record) >= SETTLED_AFTER
