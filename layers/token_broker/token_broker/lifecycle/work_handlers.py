"""Do each kind of pending work: load it, run it, and report a failure.

A further kind is one more class, and one line at the end.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from token_broker.domain.credential_pair import PairRecord
from token_broker.domain.leases import OpenIntent
from token_broker.domain.ownership_tag import new_owner
from token_broker.domain.pending import PendingRevocation, Reconciliation, SettingsCheck, Work, WorkKind
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import Change, Reason, State
from token_broker.errors import MintInProgress, RequestOutcome
from token_broker.lifecycle import keep_alive, reconcile, rotate, rotation_settings
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.inventory import SETTLED_AFTER
from token_broker.tokens.revoke import require_account
from token_broker.tokens.succession import adopt

#: The actor of scheduled changes in histories. The value is stored.
SCHEDULER = "clock"


class WorkHandler[W: Work](Protocol):
    """Do one kind of pending work."""

    def load(self, call: Call[ListingProvider], merchant: str, name: str, /) -> W | None:
        """Return the work, or None if it is not due any more or another call has it."""

    def run(self, call: Call[ListingProvider], work: W, /) -> int | None:
        """Do the work. Return None once it is finished, else the earliest time of the next try (Unix seconds).

        Raises the failure that stops it. Raises `MintInProgress` if another call has the work.
        """

    def failed(self, call: Call[ListingProvider], work: W, /) -> Mapping[str, object]:
        """Count the failure, and return the fields of its log line."""


type _Scheduled = PendingRevocation | Rotation | SettingsCheck | Reconciliation | PairRecord


def _if_due[W: _Scheduled](call: Call[Provider], work: W | None) -> W | None:
    if work is None or work.due_at is None or work.due_at > call.clock.now():
        return None
    return work


class RevocationHandler:
    """Ask the provider to revoke a token, until it confirms."""

    def load(self, call: Call[ListingProvider], merchant: str, name: str) -> PendingRevocation | None:
        """Read the revocation. A retiring token is marked first, since it must not be served after its overlap."""
        pending = _if_due(call, call.store.tokens.pending_revocation(merchant, name))
        if pending is None or pending.token.state is not State.RETIRING:
            return pending
        call.store.tokens.mark_revoking(pending.token, Change(SCHEDULER, Reason.ROTATED))
        return call.store.tokens.pending_revocation(merchant, name)

    def run(self, call: Call[ListingProvider], work: PendingRevocation) -> None:
        """Revoke the token. Raises `Conflict` if it belongs to another provider account than the secret's."""
        token, until = work.token, call.deadline.within(PROVIDER_BUDGET)
        require_account(call, token)
        call.with_credential_refresh(
            token.merchant, lambda account: call.provider.revoke(account, token.token_id, until)
        )
        call.store.tokens.mark_revoked(token, Change(SCHEDULER, work.reason))
        call.telemetry.count("TokensRevoked")

    def failed(self, call: Call[ListingProvider], work: PendingRevocation) -> Mapping[str, object]:
        """Count the age of the revocation, for the alarm."""
        age = int(call.clock.now()) - work.since
        call.telemetry.count("OldestRevocationAge", age, "Seconds")
        return {"token_id": work.token.token_id, "age": age}


class IntentHandler:
    """Adopt the token of an open intent, or end the intent once no token can appear any more."""

    def load(self, call: Call[ListingProvider], merchant: str, name: str) -> OpenIntent | None:
        """Acquire the lease of the intent. The intent of the current token has no name."""
        return call.store.leases.acquire_expired(merchant, name or None, new_owner())

    def run(self, call: Call[ListingProvider], work: OpenIntent) -> int | None:
        """Look for the token in the provider's list."""
        if adopt(call, work, call.deadline.within(PROVIDER_BUDGET)) is not None:
            return None
        settled_at = work.asked_until + SETTLED_AFTER
        if call.clock.now() < settled_at:
            return settled_at
        call.store.leases.release(work.lease, RequestOutcome.NOT_APPLIED)
        call.telemetry.notice("intent_expired", merchant=work.lease.merchant, intent=work.lease.intent_id)
        return None

    def failed(self, _call: Call[ListingProvider], work: OpenIntent) -> Mapping[str, object]:
        """Name the intent."""
        return {"intent": work.lease.intent_id}


class RotationHandler:
    """Continue an open rotation."""

    def load(self, call: Call[ListingProvider], merchant: str, _name: str) -> Rotation | None:
        """Read the rotation."""
        rotation = call.store.rotations.get(merchant)
        return _if_due(call, rotation) if rotation is not None and rotation.open else None

    def run(self, call: Call[ListingProvider], work: Rotation) -> int | None:
        """Continue the rotation from its stored state. If another call is minting, come back later."""
        try:
            rotate.advance(call, work)
        except MintInProgress:
            return int(call.clock.now()) + rotate.RETRY_AFTER_CALL
        return None

    def failed(self, call: Call[ListingProvider], work: Rotation) -> Mapping[str, object]:
        """Count the failed rotation."""
        call.telemetry.count("RotationsFailed")
        return {"rotation": work.rotation_id}


class SettingsHandler:
    """Check whether the current token has reached its maximum age."""

    def load(self, call: Call[ListingProvider], merchant: str, _name: str) -> SettingsCheck | None:
        """Read the rotation settings."""
        stored = call.store.rotation_settings.read(merchant)
        if stored.document is None:
            return None
        return _if_due(call, SettingsCheck(merchant, stored.document, stored.revision, stored.due_at))

    def run(self, call: Call[ListingProvider], work: SettingsCheck) -> None:
        """Request a rotation if the token is too old, and schedule the next check."""
        rotation_settings.check(call, work, by=SCHEDULER)

    def failed(self, _call: Call[ListingProvider], _work: SettingsCheck) -> Mapping[str, object]:
        """Name the kind."""
        return {"item": WorkKind.ROTATION_SETTINGS.value}


class ReconciliationHandler:
    """Reconcile a merchant once a day."""

    def load(self, call: Call[ListingProvider], merchant: str, _name: str) -> Reconciliation | None:
        """Read the schedule."""
        return _if_due(call, call.store.reconciliations.get(merchant))

    def run(self, call: Call[ListingProvider], work: Reconciliation) -> None:
        """Reconcile the merchant, as the scheduler."""
        reconcile.reconcile_on_schedule(call.as_caller(SCHEDULER), work)

    def failed(self, call: Call[ListingProvider], _work: Reconciliation) -> Mapping[str, object]:
        """Count the failed reconciliation."""
        call.telemetry.count("ReconciliationsFailed")
        return {}


class PairHandler:
    """Renew a pair that nobody has used for a month, or continue a migration."""

    def load(self, call: Call[Provider], merchant: str, _name: str) -> PairRecord | None:
        """Read the record. A caller that holds its lease is renewing the pair already."""
        record = _if_due(call, call.store.pairs.get(merchant))
        return record if record is not None and record.lease_ends_at <= call.clock.now() else None

    def run(self, call: Call[Provider], work: PairRecord) -> int | None:
        """Renew the pair."""
        return keep_alive.keep_alive(call, work)

    def failed(self, _call: Call[Provider], _work: PairRecord) -> Mapping[str, object]:
        """Name the kind."""
        return {"item": WorkKind.PAIR.value}


HANDLERS: Mapping[WorkKind, WorkHandler[Any]] = {
    WorkKind.REVOCATION: RevocationHandler(),
    WorkKind.ROTATION: RotationHandler(),
    WorkKind.ROTATION_SETTINGS: SettingsHandler(),
    WorkKind.RECONCILIATION: ReconciliationHandler(),
    WorkKind.INTENT: IntentHandler(),
    WorkKind.PAIR: PairHandler(),
}
