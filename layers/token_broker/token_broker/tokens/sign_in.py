"""Sign in: get the access token of an account whose access tokens expire, and renew it in time.

memory ──fresh──▶ use
  └─▶ record ─▶ session secret ──fresh──▶ use
                  └─▶ acquire the lease ─▶ refresh ─▶ store the pair ─▶ name its version in the record ─▶ use
                        └─ another caller holds it: use the old access token while it works, else wait

A pair is used only after it is stored and named. If a call ends anywhere between, the next one sends the same refresh
token again, and the provider accepts that.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from token_broker.bounded_cache import BoundedCache
from token_broker.domain.credential_pair import MerchantState, StateReason
from token_broker.domain.delays import DAY
from token_broker.domain.events import merchant_state_changed
from token_broker.domain.ownership_tag import new_owner
from token_broker.errors import (
    BrokerError,
    MintInProgress,
    PermanentTokenRefused,
    ProviderFailure,
    ProviderRejectedCredentials,
    ReauthorizationRequired,
    RequestOutcome,
    StorageUnavailable,
)
from token_broker.ports.provider import RefreshTokenRefused
from token_broker.ports.secrets import StoredPair
from token_broker.tokens.call import PROVIDER_BUDGET, WAIT_FOR_OTHERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Clock, Deadline
    from token_broker.domain.credential_pair import CredentialPair, PairLease, PairRecord
    from token_broker.domain.events import Event
    from token_broker.ports.provider import Account, AppProvider, Provider
    from token_broker.ports.secrets import SessionSecrets
    from token_broker.tokens.call import Call

#: Seconds after which an unused pair is renewed, so that its refresh token does not expire.
IDLE = 30 * DAY
#: Seconds until another caller may try after a failed renewal.
RETRY_AFTER = 2
#: Seconds for which an access token must still work to be used while it is renewed.
MIN_SECONDS_LEFT = 5
#: Seconds for which a process does not renew a pair that it has renewed because of a rejection. A provider that rejects
#: every access token must not cause endless renewals.
PAUSE_AFTER_REJECTION = 10
#: The pause between two reads of the record while another caller renews the pair, in seconds.
WAIT = 0.3
#: Seconds after which a new secret can certainly be read. The source is the page of AWS's operation ListSecrets.
VISIBLE_AFTER = 5 * 60
#: Seconds for which a process remembers that a merchant's permanent token is in use.
PERMANENT_TTL = 300

_REAUTHORIZE = (
    "The provider rejected the merchant's refresh token. Have the merchant authorize the app again, and store the new "
    "refresh token in the merchant's secret. No request is sent to the provider until the secret changes."
)


class _Known(NamedTuple):
    """Hold the pair of an origin. It is None while the permanent token is in use."""

    origin: str
    stored: StoredPair | None


class SignIns:
    """Keep what one process knows of merchants' pairs."""

    def __init__(self, secrets: SessionSecrets, clock: Clock) -> None:
        self.secrets = secrets
        self.known = BoundedCache[str, _Known](clock)
        #: The access tokens that came from a renewal because of a rejection.
        self.renewed_after_rejection = BoundedCache[str, str](clock)


def run_signed_in[T](call: Call[Provider], account: Account, operation: Callable[[Account], T]) -> T:
    """Run the operation with an access token, and again if the provider rejects it.

    The second try has a fresh secret and another access token: the newest one, or a renewed one. If the newest one is
    rejected, too, a third try has a renewed one. Raises the last rejection.
    """
    signing = SignIn(call, account)
    try:
        return signing.run(operation)
    except ProviderRejectedCredentials:
        before, signing.account = signing.account, call.account(account.merchant, fresh=True)
        if not signing.rejected and signing.account == before:
            raise  # the provider refused to renew, and would do so again
    if not signing.account.origin:
        return operation(signing.account)  # the operator has stored a secret of another kind
    rejected_before = len(signing.rejected)
    try:
        return signing.run(operation)
    except ProviderRejectedCredentials:
        if len(signing.rejected) == rejected_before:
            raise  # there is no other access token
    return signing.run(operation)


class SignIn:
    """Sign one account in. Keep which access tokens the provider has rejected meanwhile."""

    def __init__(self, call: Call[Provider], account: Account, *, migrate: bool = False) -> None:
        self.account = account
        self.rejected: set[str] = set()
        self._rejection: ProviderRejectedCredentials | None = None
        self._call = call
        self._migrate = migrate

    def run[T](self, operation: Callable[[Account], T]) -> T:
        """Run the operation with an access token. Remember the token if the provider rejects it."""
        try:
            signed_in = self.signed_in()
        except ProviderFailure as failure:
            failure.request_outcome = RequestOutcome.NOT_APPLIED  # the operation itself was never requested
            raise
        try:
            return operation(signed_in)
        except ProviderRejectedCredentials as failure:
            self._rejection = failure
            self.rejected.add(_token_of(signed_in))
            raise

    def signed_in(self) -> Account:
        """Return the account with an access token that was not rejected.

        Raises `ReauthorizationRequired`, another `ProviderFailure`, or `MintInProgress` if another caller takes too
        long to renew the token.
        """
        known = self._call.sign_ins.known.get(self.account.merchant)
        if known is not None and known.origin == self.account.origin and not self._migrate:
            if known.stored is None and _token_of(self.account) not in self.rejected:
                return self.account
            if known.stored is not None and self._is_fresh(known.stored):
                return self._with(known.stored)
        stored = self._current()
        return self.account if stored is None else self._with(stored)

    def migrated(self) -> CredentialPair:
        """Return the pair that has replaced the permanent token, and exchange the token if there is none."""
        stored = self._current()
        assert stored is not None  # noqa: S101  # a migration never keeps the permanent token
        return stored.pair

    def renew(self) -> None:
        """Renew the pair although it is fresh. Does nothing for a permanent token.

        Raises a `ProviderFailure`, or `MintInProgress` if another caller renews it now.
        """
        record, stored = self._find()
        self._require_authorized(record)
        if stored is None and not self._may_obtain(record):
            return
        lease = self._acquire(record)
        renewed = None if lease is None else self._renew(lease, stored)
        if renewed is None:
            raise MintInProgress
        self._remember(renewed)

    def report_refusal(self, record: PairRecord) -> None:
        """Count the merchant for the alarm. Emit the event of its state if it was left out before."""
        self._call.telemetry.count("MerchantsToReauthorize")
        if _told_state(record) is MerchantState.ACTIVE and (lease := self._acquire(record)) is not None:
            self._record_refusal(lease)

    def _current(self) -> StoredPair | None:
        """Return the pair to use, or None for the permanent token. Remember it for this process."""
        until, has_renewed = self._call.deadline.within(WAIT_FOR_OTHERS), False
        while self.account.origin:
            record, stored = self._find()
            self._require_authorized(record)
            if stored is None and not self._may_obtain(record):
                self._use_permanent()
                return None
            if stored is not None and self._is_fresh(stored):
                if self._name(record, stored):
                    return self._remember(stored)
                self._wait(until)
                continue
            if self._rejection is not None and stored is not None:
                newest = self._newest()
                if newest is not None and self._works(newest):
                    return self._remember(newest)
                if self._call.sign_ins.renewed_after_rejection.get(record.merchant) in self.rejected:
                    raise self._rejection
            renewed = self._renewed(record, stored)
            # The access token of a repeated answer can have ended. Its refresh token gives the next one.
            if renewed is not None and (has_renewed or self._call.clock.now() < renewed.pair.access_ends_at):
                return self._remember(renewed)
            has_renewed = renewed is not None
            self._wait(until)
        return None  # the operator has stored a secret without expiring credentials

    def _wait(self, until: Deadline) -> None:
        """Wait a moment for another caller. Raises `MintInProgress` once the time for that is over."""
        if until.left() <= 0:
            raise MintInProgress
        self._call.clock.sleep(min(WAIT, until.left()))

    def _find(self) -> tuple[PairRecord, StoredPair | None]:
        """Return the record and the pair that it names. The pair is None if there is none of the account's origin."""
        merchant = self.account.merchant
        record = self._call.store.pairs.get(merchant)
        if record.origin != self.account.origin:
            # The pair can exist without a record of it: the table was restored, or a call ended early. A permanent
            # token that was not rejected has no pair.
            possible = self._may_obtain(record) or self._rejection is not None
            return record, self._newest() if possible else None
        known = self._call.sign_ins.known.get(merchant)
        in_memory = None if known is None or known.origin != record.origin else known.stored
        if in_memory is not None and in_memory.version_id == (record.version_id or ""):
            return record, in_memory
        if record.version_id is None:
            return record, None
        stored = self._call.sign_ins.secrets.read(merchant, record.version_id)
        return record, stored or self._newest_instead(record)

    def _name(self, record: PairRecord, stored: StoredPair) -> bool:
        """Name a stored pair of which the record does not know, because a call has ended early or the table is older.

        Returns whether the pair is named and can be used.
        """
        if record.origin == self.account.origin:
            return True
        lease = self._acquire(record)
        if lease is None:
            return False
        try:
            return self._commit(lease, stored.version_id)
        except BrokerError:
            self._retry_later(lease)
            raise

    def _newest(self) -> StoredPair | None:
        """Return the newest pair, or None if it has another origin."""
        newest = self._call.sign_ins.secrets.read(self.account.merchant)
        return newest if newest is not None and newest.pair.origin == self.account.origin else None

    def _newest_instead(self, record: PairRecord) -> StoredPair | None:
        """Return the newest pair in place of a missing version, which a restored table can name.

        Reads are eventually consistent, so a new version can be missing for a moment. An older pair, or the operator's
        refresh token, must not be sent in its place. Raises `StorageUnavailable` then. Returns None if somebody has
        deleted the session secret.
        """
        newest = self._newest()
        if newest is not None and newest.pair.obtained_at >= record.named_at:
            return newest
        visible_after = VISIBLE_AFTER if newest is None else DAY
        if self._call.clock.now() - record.named_at < visible_after:
            raise StorageUnavailable("The merchant's newest credentials cannot be read yet. Try again.")
        return newest

    def _may_obtain(self, record: PairRecord) -> bool:
        """Return whether a first pair can be obtained: with a refresh token, or because a migration was confirmed."""
        return "refreshToken" in self.account.credentials or self._migrates(record)

    def _migrates(self, record: PairRecord) -> bool:
        """Return whether the exchange of this permanent token was confirmed, and not that of an earlier one."""
        return self._migrate or record.migrating == self.account.origin

    def _use_permanent(self) -> None:
        """Remember that the permanent token is in use. Raises its rejection, since no pair has replaced it."""
        if self._rejection is not None:
            raise self._rejection
        until = self._call.clock.monotonic() + PERMANENT_TTL
        self._call.sign_ins.known.put(self.account.merchant, _Known(self.account.origin, None), until)

    def _renewed(self, record: PairRecord, stored: StoredPair | None) -> StoredPair | None:
        """Return the renewed pair, or the old one while it works. Return None if another caller renews it now."""
        lease, old = self._acquire(record), stored if stored is not None and self._works(stored) else None
        if lease is None:
            return old
        try:
            return self._renew(lease, stored)
        except (ProviderFailure, StorageUnavailable) as failure:
            # Another secret cures a rejection, and must be read.
            if old is None or isinstance(failure, ProviderRejectedCredentials):
                raise
            self._call.telemetry.notice("renewal_failed", merchant=self.account.merchant, code=failure.code)
            return old

    def _acquire(self, record: PairRecord) -> PairLease | None:
        if record.lease_ends_at > self._call.clock.now():
            return None  # otherwise every waiter would write to the same item
        return self._call.store.pairs.acquire(record, new_owner(), migrate=self.account.origin if self._migrate else "")

    def _renew(self, lease: PairLease, stored: StoredPair | None) -> StoredPair | None:
        """Obtain, store and name the next pair, and release the lease if that fails.

        Return None if the lease was lost, or the secret has changed.
        """
        try:
            return self._renew_under(lease, stored)
        except ReauthorizationRequired:
            raise  # the refusal is recorded, which has ended the lease
        except ProviderFailure as failure:
            self._release(lease, failure)
            raise
        except BrokerError:
            self._retry_later(lease)
            raise

    def _renew_under(self, lease: PairLease, stored: StoredPair | None) -> StoredPair | None:
        if lease.record.origin not in ("", self.account.origin) and self._secret_has_changed():
            self._give_up(lease)
            return None
        try:
            renewed = self._obtain(stored)
        except RefreshTokenRefused as failure:
            if self._secret_has_changed():
                self._give_up(lease)
            else:
                self._refuse(lease, failure)
            return None
        if not self._commit(lease, renewed.version_id):
            return None
        self._call.telemetry.count("PairsRenewed")
        if self._rejection is not None:
            until = self._call.clock.monotonic() + PAUSE_AFTER_REJECTION
            self._call.sign_ins.renewed_after_rejection.put(self.account.merchant, renewed.pair.access_token, until)
        return renewed

    def _obtain(self, stored: StoredPair | None) -> StoredPair:
        """Request the next pair, and store it."""
        # The request of the call needs time too, if it can be sent with the old access token.
        seconds = PROVIDER_BUDGET if stored is None or not self._works(stored) else WAIT_FOR_OTHERS
        until = self._call.deadline.within(seconds)
        if stored is None and "refreshToken" not in self.account.credentials:
            return self._store(cast("AppProvider", self._call.provider).exchange(self.account, until))
        try:
            return self._refresh(stored, until)
        except RefreshTokenRefused:
            newest = self._newest()
            if newest is None or (stored is not None and newest.pair.refresh_token == stored.pair.refresh_token):
                raise
        # The record names an older version: the table was restored, or a call ended before it named the newest one.
        return self._refresh(newest, until)

    def _refresh(self, held: StoredPair | None, until: Deadline) -> StoredPair:
        """Send the refresh token of the held pair, or of the operator's secret, and store the next pair.

        A refresh token that stays the same is in a secret already. Its access token stays in memory.
        """
        token = self.account.credentials["refreshToken"] if held is None else held.pair.refresh_token
        pair = cast("AppProvider", self._call.provider).refresh(self.account, token, until)
        if pair.refresh_token != token:
            return self._store(pair)
        return StoredPair("" if held is None else held.version_id, pair)

    def _store(self, pair: CredentialPair) -> StoredPair:
        return StoredPair(self._call.sign_ins.secrets.write(self.account.merchant, pair), pair)

    def _commit(self, lease: PairLease, version: str) -> bool:
        event = self._event(lease.record, MerchantState.ACTIVE, StateReason.SECRET_CHANGED)
        due_at = int(self._call.clock.now()) + IDLE
        return self._call.store.pairs.commit(lease, version or None, self.account.origin, due_at, event)

    def _secret_has_changed(self) -> bool:
        """Read the secret again, since a cached one is up to five minutes old. Continue with the new one."""
        before, self.account = self.account, self._call.account(self.account.merchant, fresh=True)
        return self.account.fingerprint() != before.fingerprint()

    def _give_up(self, lease: PairLease) -> None:
        """Release the lease at once."""
        self._call.store.pairs.release(lease, int(self._call.clock.now()))

    def _refuse(self, lease: PairLease, failure: RefreshTokenRefused) -> None:
        """Record that the merchant must authorize the app again. Raises `ReauthorizationRequired`.

        Does nothing if the lease was lost.
        """
        if self._record_refusal(lease):
            self._call.telemetry.notice("reauthorization_required", merchant=lease.record.merchant)
            self._call.telemetry.count("MerchantsToReauthorize")
            raise ReauthorizationRequired(_REAUTHORIZE, reply=failure.reply)

    def _record_refusal(self, lease: PairLease) -> bool:
        event = self._event(lease.record, MerchantState.REAUTHORIZATION_REQUIRED, StateReason.REFRESH_TOKEN_REFUSED)
        # The worker reports the state once a day, for the alarm.
        due_at = int(self._call.clock.now()) + DAY
        return self._call.store.pairs.refuse(lease, self.account.fingerprint(), due_at, event)

    def _event(self, record: PairRecord, after: MerchantState, reason: StateReason) -> Event | None:
        """Return the event of the state, unless it was the last one or was emitted within a day.

        An event that is left out for the second reason follows with a later write.
        """
        now, before, told = self._call.clock.now(), _told_state(record), record.told.get(reason.value)
        # A negative age means that the clock went back.
        if before is after or (told is not None and 0 <= now - told < DAY):
            return None
        provider = self._call.provider.name
        return merchant_state_changed(provider, record.merchant, before=before, after=after, reason=reason, at=now)

    def _release(self, lease: PairLease, failure: ProviderFailure) -> None:
        """End the lease, and the migration too if the provider has certainly not exchanged the token."""
        may_have_acted = failure.retryable or failure.request_outcome is not RequestOutcome.NOT_APPLIED
        if lease.record.migrating == self.account.origin:
            # An earlier try may have exchanged the token. Only a repeated exchange gives its pair again.
            may_have_acted = not isinstance(failure, PermanentTokenRefused)
        if self._migrates(lease.record) and not may_have_acted:
            self._call.store.pairs.abandon(lease)
        else:
            self._retry_later(lease)

    def _retry_later(self, lease: PairLease) -> None:
        with suppress(BrokerError):  # the lease expires by itself, and the first failure is the one to report
            self._call.store.pairs.release(lease, int(self._call.clock.now()) + RETRY_AFTER)

    def _require_authorized(self, record: PairRecord) -> None:
        """Raise `ReauthorizationRequired` if the provider has refused the refresh token of this very secret."""
        refused = record.state is MerchantState.REAUTHORIZATION_REQUIRED
        if refused and record.refused_secret == self.account.fingerprint():
            raise ReauthorizationRequired(_REAUTHORIZE)

    def _is_fresh(self, stored: StoredPair) -> bool:
        pair = stored.pair
        return pair.access_token not in self.rejected and self._call.clock.now() < pair.renew_at

    def _works(self, stored: StoredPair) -> bool:
        pair = stored.pair
        return (
            pair.access_token not in self.rejected and self._call.clock.now() + MIN_SECONDS_LEFT < pair.access_ends_at
        )

    def _remember(self, stored: StoredPair) -> StoredPair:
        self._call.sign_ins.known.put(self.account.merchant, _Known(self.account.origin, stored))
        return stored

    def _with(self, stored: StoredPair) -> Account:
        pair = stored.pair
        tokens = {"accessToken": pair.access_token, "refreshToken": pair.refresh_token}
        return self.account._replace(credentials={**self.account.credentials, **tokens})


def _told_state(record: PairRecord) -> MerchantState:
    """Return the state of the last event."""
    refused_at = record.told.get(StateReason.REFRESH_TOKEN_REFUSED, -1)
    back_at = record.told.get(StateReason.SECRET_CHANGED, -1)
    return MerchantState.REAUTHORIZATION_REQUIRED if refused_at > back_at else MerchantState.ACTIVE


def _token_of(account: Account) -> str:
    """Return the token that the provider gets from this account."""
    return account.credentials.get("accessToken") or account.credentials.get("adminAccessToken", "")
