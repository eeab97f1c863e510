"""Expiring credentials in memory: the records, the session secrets, and a provider that keeps Shopify's rules."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.fakes.provider import ScriptedListingProvider
from tests.fakes.store_parts import LEASE, Part
from token_broker.clock import Clock, Deadline
from token_broker.domain.credential_pair import CredentialPair, MerchantState, PairLease, PairRecord
from token_broker.domain.events import Event
from token_broker.domain.token import ProviderToken, fingerprint
from token_broker.errors import (
    MerchantMisconfigured,
    PermanentTokenRefused,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderReply,
)
from token_broker.ports.provider import Account, Capabilities, ListedToken, MintRequest, RefreshTokenRefused
from token_broker.ports.secrets import StoredPair

if TYPE_CHECKING:
    from tests.fakes.store import MemoryStore

HOUR = 60 * 60
DAY = 24 * HOUR


class MemoryPairs(Part, name="pairs"):
    """Implement `Pairs`."""

    def __init__(self, memory: "MemoryStore") -> None:
        super().__init__(memory)
        self.items: dict[str, PairRecord] = {}
        self.owners: dict[str, str] = {}

    def get(self, merchant: str) -> PairRecord:
        record = self.items.get(merchant, PairRecord(merchant))
        return record if merchant in self.owners else record._replace(lease_ends_at=0)

    def acquire(self, expected: PairRecord, owner: str, *, migrate: str = "") -> PairLease | None:
        merchant, now = expected.merchant, self._memory.now()
        there = self.items.get(merchant, PairRecord(merchant))
        if there.fence != expected.fence or (merchant in self.owners and there.lease_ends_at > now):
            return None
        taken = there._replace(fence=there.fence + 1, lease_ends_at=now + LEASE)
        if migrate:
            taken = taken._replace(migrating=migrate, due_at=now + LEASE)
        self.items[merchant], self.owners[merchant] = taken, owner
        return PairLease(expected, owner, taken.fence)

    def commit(self, lease: PairLease, version_id: str | None, origin: str, due_at: int, event: Event | None) -> bool:
        named = {"version_id": version_id, "named_at": self._memory.now(), "origin": origin, "due_at": due_at}
        active = {"state": MerchantState.ACTIVE, "refused_secret": ""}
        return self._end(lease, event, migrating="", **named, **active)

    def refuse(self, lease: PairLease, secret: str, due_at: int, event: Event | None) -> bool:
        state = MerchantState.REAUTHORIZATION_REQUIRED
        return self._end(lease, event, migrating="", state=state, refused_secret=secret, due_at=due_at)

    def release(self, lease: PairLease, until: int) -> None:
        if self._holds(lease):
            merchant = lease.record.merchant
            self.items[merchant] = self.items[merchant]._replace(lease_ends_at=until)

    def abandon(self, lease: PairLease) -> None:
        self._end(lease, None, migrating="", due_at=None)

    def cancel(self, expected: PairRecord) -> None:
        there = self.items.get(expected.merchant)
        if there is not None and there.due_at == expected.due_at:
            self.items[expected.merchant] = there._replace(due_at=None, tries=0)

    def _holds(self, lease: PairLease) -> bool:
        there = self.items.get(lease.record.merchant, PairRecord(lease.record.merchant))
        return (self.owners.get(there.merchant), there.fence) == (lease.owner, lease.fence)

    def _end(self, lease: PairLease, event: Event | None, **changes: Any) -> bool:
        if not self._holds(lease):
            return False
        merchant = lease.record.merchant
        there = self.items[merchant]
        self.items[merchant] = there._replace(fence=there.fence + 1, tries=0, **changes)
        del self.owners[merchant]
        if event is not None:
            told = {**lease.record.told, str(event.detail["reason"]): event.occurred_at}
            self.items[merchant] = self.items[merchant]._replace(told=told)
            self._memory.told.append(event)
        return True


class MemorySessionSecrets:
    """Implement `SessionSecrets`. `versions` has each merchant's versions, the newest one last."""

    def __init__(self) -> None:
        self.versions: dict[str, dict[str, CredentialPair]] = {}
        self.reads = 0
        self.writes = 0

    def read(self, merchant: str, version_id: str | None = None) -> StoredPair | None:
        self.reads += 1
        versions = self.versions.get(merchant, {})
        wanted = next(reversed(versions), None) if version_id is None else version_id
        return StoredPair(wanted, versions[wanted]) if wanted in versions else None

    def write(self, merchant: str, pair: CredentialPair) -> str:
        self.writes += 1
        version_id = f"version-{self.writes}"
        self.versions.setdefault(merchant, {})[version_id] = pair
        return version_id


class PairProvider(ScriptedListingProvider):
    """Keep one refreshable pair for the merchant, by Shopify's rules.

    A used refresh token gives the same pair again until that pair was used. So does a permanent token.
    `grants` has the failures of the next grants: before it acts, or after with `after` set.
    """

    def __init__(self, clock: Clock, name: str, capabilities: Capabilities) -> None:
        super().__init__(clock, name, capabilities)
        self._numbers = count(1)
        #: The refresh tokens that work, with the access token that came with each.
        self.live: dict[str, str | None] = {}
        self.access_ends: dict[str, float] = {}
        #: The pair that each used refresh token or permanent token gave.
        self.given: dict[str, CredentialPair] = {}
        self.permanent: set[str] = set()
        self.grants: list[tuple[ProviderFailure, bool]] = []
        self.asked_grants: list[str] = []
        #: What happens before a refresh token is refused.
        self.before_refusal: Callable[[], object] | None = None
        #: Seconds that an access token lives.
        self.lifetime = HOUR
        #: How many different pairs were given.
        self.pairs_made = 0

    def authorize(self) -> str:
        """Have the merchant authorize the app, and return the refresh token. It ends every earlier one."""
        token = f"refresh-{next(self._numbers)}"
        self.live = {token: None}
        self.given.clear()
        return token

    def give_permanent(self) -> str:
        """Return a permanent token."""
        token = f"permanent-{next(self._numbers)}"
        self.permanent.add(token)
        return token

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        if not {"key", "refreshToken", "adminAccessToken"} & set(secret):
            raise MerchantMisconfigured(f"The secret of merchant '{merchant}' has no known field.")
        token = secret.get("refreshToken") or secret.get("adminAccessToken")
        origin = fingerprint(token) if token else ""
        return Account(merchant, dict(secret), account_id="acme.myshopify.com", origin=origin)

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        return self._grant(account, refresh_token, used=refresh_token in self.live)

    def exchange(self, account: Account, deadline: Deadline) -> CredentialPair:
        token = account.credentials["adminAccessToken"]
        return self._grant(account, token, used=token in self.permanent)

    def _grant(self, account: Account, token: str, *, used: bool) -> CredentialPair:
        self.asked_grants.append(token)
        failure, after = self.grants.pop(0) if self.grants else (None, False)
        if failure is not None and not after:
            raise failure
        pair = self._pair(account, token, known=used)
        if failure is not None:
            raise failure
        return pair

    def _pair(self, account: Account, token: str, *, known: bool) -> CredentialPair:
        now = int(self._clock.now())
        if not known:
            earlier = self.given.get(token)
            if earlier is not None and earlier.refresh_token in self.live:
                return earlier._replace(obtained_at=now, origin=account.origin)
            if "adminAccessToken" in account.credentials and token == account.credentials["adminAccessToken"]:
                raise PermanentTokenRefused("The permanent token has ended.")
            if self.before_refusal is not None:
                self.before_refusal()
            raise RefreshTokenRefused(ProviderReply(401))
        self.pairs_made += 1
        number = next(self._numbers)
        pair = CredentialPair(
            f"access-{number}", f"refresh-{number}", now, now + self.lifetime, now + 90 * DAY, origin=account.origin
        )
        self.permanent.discard(token)
        # The next use of the new pair ends the repetition of older ones.
        self.given = {token: pair}
        self.live = {pair.refresh_token: pair.access_token}
        self.access_ends[pair.access_token] = now + self.lifetime
        return pair

    def _check(self, account: Account) -> None:
        token = account.credentials.get("accessToken") or account.credentials.get("adminAccessToken")
        if token is None or token in self.permanent:
            return
        if self.access_ends.get(token, 0.0) <= self._clock.now():
            raise ProviderRejectedCredentials("The access token does not work.")
        self.given = {sent: pair for sent, pair in self.given.items() if pair.access_token != token}

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        self._check(account)
        return super().mint(account, mint_request, deadline)

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        self._check(account)
        return super().list_tokens(account, deadline)

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        self._check(account)
        super().revoke(account, token_id, deadline)
