"""Rotation, make before break: another token becomes current, and the one before it works on for its overlap.

request ─▶ make the new one ─▶ see it listed ─▶ make it current, tell the world, retire the old one ─▶ end
                                                └─ one transaction ─┘        └─ revoked by the clock, see `maintaining`

The request stands in the table until its goal is reached: that another token is current than at its time. So a run that
ends anywhere is continued by the clock, and finds what the one before it has reached.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

from token_broker.domain.leases import LeaseRequest, MintLease
from token_broker.domain.ownership_tag import new_intent_id, new_owner
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, Change, Reason, RevocationStatus, State, Token
from token_broker.errors import BrokerError, MintInProgress
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.call import WAIT_FOR_OTHERS, Call
from token_broker.tokens.issue import CURRENT_TITLE, shop_token, wait_for_other
from token_broker.tokens.mint import CACHES_CLEARED_AFTER, mint_successor, succession

#: Seconds within which a request joins the rotation before it.
JOIN_WINDOW = 60
#: Seconds after which the clock looks for a rotation that this call did not end.
RETRY_AFTER_CALL = 40
#: How often somebody else's request may come between reading and writing.
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RotationReport:
    """How a rotation stands. `token` is the new one, where it is known; `overlap_ends_at` is when the one before it
    ends, where it has just begun to retire (Unix seconds).
    """

    rotation: Rotation
    token: Token | None = None
    overlap_ends_at: int | None = None
    status: ClassVar[int] = 202

    def as_json(self) -> dict[str, Any]:
        """The answer of the rotation route."""
        rotation = self.rotation
        shown = {
            "rotationId": rotation.rotation_id,
            "state": "pending" if rotation.open else "done",
            "compromised": rotation.compromised,
            "requestedAt": rotation.requested_at,
            "previousTokenId": rotation.replaces,
            "tokenId": None if self.token is None else self.token.token_id,
            "overlapEndsAt": self.overlap_ends_at,
            "failure": rotation.failure,
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The provider keeps one token, or its tokens end by themselves: it was only asked again."""

    changed: bool
    status: ClassVar[int] = 200

    def as_json(self) -> dict[str, Any]:
        """The answer of the rotation route."""
        return {"rotation": RevocationStatus.UNSUPPORTED.value, "changed": self.changed}


def rotate(call: Call[Provider], merchant: str, *, compromised: bool = False) -> RotationReport | Unsupported:
    """Have another token become current, where the provider can."""
    call.account(merchant)  # an unknown merchant leaves nothing in the store
    if call.provider.capabilities.rotates:
        return _rotate(cast("Call[ListingProvider]", call), merchant, compromised=compromised)
    return _ask_again(call, merchant)


def _ask_again(call: Call[Provider], merchant: str) -> Unsupported:
    """Whether the provider has given another token than before."""
    if call.provider.capabilities.expires:
        return Unsupported(changed=False)
    previous = call.store.subject_state(merchant, SHOP).token
    now = shop_token(call, merchant, fresh=True)
    return Unsupported(changed=previous is not None and previous.token_id != now.token_id)


def _rotate(call: Call[ListingProvider], merchant: str, *, compromised: bool) -> RotationReport:
    """A request that comes soon after another joins it; one that finds it open later goes on with it.

    What can be tried again is left to the clock. Raises what cannot: the old token stays then.
    """
    rotation, joined = request(call, merchant, compromised=compromised)
    if joined and (not rotation.open or _is_recent(rotation, call.clock.now())):
        return RotationReport(rotation)
    try:
        return advance(call, rotation)
    except MintInProgress:
        return RotationReport(rotation)  # somebody else is at it, or has moved on: nothing has failed
    except BrokerError as failure:
        if not joined and not _left_to_scheduler(call, rotation, failure):
            raise
        # One that was joined is somebody else's wish, which the clock never gives up.
        return RotationReport(replace(rotation, failure=failure.code))


def request(
    call: Call[ListingProvider],
    merchant: str,
    *,
    compromised: bool,
    requested_by: str | None = None,
    due_in: int = RETRY_AFTER_CALL,
) -> tuple[Rotation, bool]:
    """The rotation that stands now, and whether it was there before.

    The clock goes on with a new one `due_in` seconds from now, unless the caller has done it by then. One that is
    `compromised` joins no ordinary one: the token that this has made may be known to the wrong people, too.
    """
    rotation_id = new_intent_id()
    for _ in range(MAX_ATTEMPTS):
        previous = call.store.rotation(merchant)
        now = int(call.clock.now())
        if previous is not None and previous.rotation_id == rotation_id:
            return previous, False  # the write of the round before had happened, and its answer was lost
        if previous is not None and _joins(previous, now, compromised=compromised):
            call.telemetry.count("RotationsJoined")
            return previous, True
        state = call.store.subject_state(merchant, SHOP)
        rotation = Rotation(
            merchant=merchant,
            rotation_id=rotation_id,
            replaces=None if state.token is None else state.token.token_id,
            compromised=compromised,
            requested_by=requested_by or call.caller,
            requested_at=now,
            due_at=now + due_in,
        )
        if call.store.request_rotation(rotation, state, previous):
            return rotation, False
    raise MintInProgress


def _joins(previous: Rotation, now: int, *, compromised: bool) -> bool:
    if compromised and not previous.compromised:
        return False
    return previous.open or (_is_recent(previous, now) and previous.failure is None)


def _is_recent(rotation: Rotation, now: float) -> bool:
    # A clock that has jumped back must not keep it from ever being rotated again.
    return 0 <= now - rotation.requested_at < JOIN_WINDOW


def advance(call: Call[ListingProvider], rotation: Rotation) -> RotationReport:
    """Go on with it from wherever it is, to its end. Raises what keeps it from that."""
    token, overlap_ends_at = _succeed(call, rotation)
    call.cache.drop(rotation.merchant)
    if rotation.compromised:
        overlap_ends_at = None
        _end_retiring(call, rotation)
    call.store.end_rotation(rotation)
    call.telemetry.count("TokensRotated")
    return RotationReport(replace(rotation, open=False, failure=None), token, overlap_ends_at)


def _left_to_scheduler(call: Call[ListingProvider], rotation: Rotation, failure: BrokerError) -> bool:
    """Whether the clock goes on with it: what can be tried again, or may still have led to a token. Else it ends."""
    call.telemetry.count("RotationsFailed")
    call.telemetry.notice(
        "rotation_failed", merchant=rotation.merchant, rotation=rotation.rotation_id, code=failure.code
    )
    if failure.retryable or call.store.subject_state(rotation.merchant, SHOP).has_open_intent:
        call.store.reschedule_rotation(rotation, int(call.clock.now()) + RETRY_AFTER_CALL, failure.code)
        return True
    call.store.end_rotation(rotation, failure.code)
    return False


def _succeed(call: Call[ListingProvider], rotation: Rotation) -> tuple[Token, int | None]:
    """The new current token, and until when the one works on whose place it has just taken; None where another call
    made it.
    """
    merchant, intent_id, until = rotation.merchant, new_intent_id(), call.deadline.within(WAIT_FOR_OTHERS)
    while True:
        state = call.store.subject_state(merchant, SHOP)
        if state.token is not None and state.token.token_id != rotation.replaces:
            return state.token, None
        overlap_ends_at = int(call.clock.now()) + call.store.rotation_settings(merchant).overlap
        lease_request = LeaseRequest(
            merchant=merchant,
            subject=SHOP,
            intent_id=intent_id,
            owner=new_owner(),
            title=CURRENT_TITLE,
            requested_by=rotation.requested_by,
            findable=True,
            account_id=call.account(merchant).account_id,
        )
        lease = call.store.acquire(lease_request, state)
        if isinstance(lease, MintLease):
            replaced = partial(succession, call, state.token, rotation, overlap_ends_at)
            return mint_successor(call, lease, rotation.requested_by, replaced), overlap_ends_at
        wait_for_other(call, until)


def _end_retiring(call: Call[ListingProvider], rotation: Rotation) -> None:
    """No overlap for anybody: what is replaced is asked to be revoked once no memory has it any more."""
    change = Change(rotation.requested_by, Reason.COMPROMISED)
    for token in call.store.all_tokens(rotation.merchant):
        if token.state is State.RETIRING:
            call.store.mark_revoking(token, change, ask_from=int(call.clock.now()) + CACHES_CLEARED_AFTER)
