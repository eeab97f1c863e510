"""Rotation, make before break: another token becomes current, and the one before it works on for its overlap.

request ─▶ make the new one ─▶ see it listed ─▶ make it current, tell the world, retire the old one ─▶ end
                                                └─ one transaction ─┘        └─ revoked by the clock, see `maintaining`

The request stands in the table until its goal is reached: that another token is current than at its time. So a run that
ends anywhere is continued by the clock, and finds what the one before it has reached.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

from token_broker.domain.leases import Intention, Mint
from token_broker.domain.ownership_tag import new_intent_id, new_owner
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, Cause, Outcome, State, Token, Why
from token_broker.errors import BrokerError, MintInProgress
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.call import WAIT_FOR_OTHERS, Call
from token_broker.tokens.issue import CURRENT_TITLE, shop_token, wait_for_other
from token_broker.tokens.mint import FORGOTTEN_AFTER, mint_successor, succession

#: Seconds within which a request joins the rotation before it.
JOINING = 60
#: Seconds after which the clock looks for a rotation that this call did not end.
CALL_TIME = 40
#: How often somebody else's request may come between reading and writing.
ROUNDS = 3


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
        return {"rotation": Outcome.UNSUPPORTED.value, "changed": self.changed}


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
    before = call.store.subject(merchant, SHOP).token
    now = shop_token(call, merchant, fresh=True)
    return Unsupported(changed=before is not None and before.token_id != now.token_id)


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
        if not joined and not _left_to_the_clock(call, rotation, failure):
            raise
        # One that was joined is somebody else's wish, which the clock never gives up.
        return RotationReport(replace(rotation, failure=failure.code))


def request(
    call: Call[ListingProvider],
    merchant: str,
    *,
    compromised: bool,
    requested_by: str | None = None,
    due_in: int = CALL_TIME,
) -> tuple[Rotation, bool]:
    """The rotation that stands now, and whether it was there before.

    The clock goes on with a new one `due_in` seconds from now, unless the caller has done it by then. One that is
    `compromised` joins no ordinary one: the token that this has made may be known to the wrong people, too.
    """
    rotation_id = new_intent_id()
    for _ in range(ROUNDS):
        before = call.store.rotation(merchant)
        now = int(call.clock.now())
        if before is not None and before.rotation_id == rotation_id:
            return before, False  # the write of the round before had happened, and its answer was lost
        if before is not None and _joins(before, now, compromised=compromised):
            call.telemetry.count("RotationsJoined")
            return before, True
        seen = call.store.subject(merchant, SHOP)
        rotation = Rotation(
            merchant=merchant,
            rotation_id=rotation_id,
            replaces=None if seen.token is None else seen.token.token_id,
            compromised=compromised,
            requested_by=requested_by or call.caller,
            requested_at=now,
            due_at=now + due_in,
        )
        if call.store.request_rotation(rotation, seen, before):
            return rotation, False
    raise MintInProgress


def _joins(before: Rotation, now: int, *, compromised: bool) -> bool:
    if compromised and not before.compromised:
        return False
    return before.open or (_is_recent(before, now) and before.failure is None)


def _is_recent(rotation: Rotation, now: float) -> bool:
    # A clock that has jumped back must not keep it from ever being rotated again.
    return 0 <= now - rotation.requested_at < JOINING


def advance(call: Call[ListingProvider], rotation: Rotation) -> RotationReport:
    """Go on with it from wherever it is, to its end. Raises what keeps it from that."""
    token, overlap_ends_at = _succeed(call, rotation)
    call.memory.drop(rotation.merchant)
    if rotation.compromised:
        overlap_ends_at = None
        _end_retiring(call, rotation)
    call.store.end_rotation(rotation)
    call.telemetry.count("TokensRotated")
    return RotationReport(replace(rotation, open=False, failure=None), token, overlap_ends_at)


def _left_to_the_clock(call: Call[ListingProvider], rotation: Rotation, failure: BrokerError) -> bool:
    """Whether the clock goes on with it: what can be tried again, or may still have led to a token. Else it ends."""
    call.telemetry.count("RotationsFailed")
    call.telemetry.notice(
        "rotation_failed", merchant=rotation.merchant, rotation=rotation.rotation_id, code=failure.code
    )
    if failure.retryable or call.store.subject(rotation.merchant, SHOP).unresolved:
        call.store.put_off_rotation(rotation, int(call.clock.now()) + CALL_TIME, failure.code)
        return True
    call.store.end_rotation(rotation, failure.code)
    return False


def _succeed(call: Call[ListingProvider], rotation: Rotation) -> tuple[Token, int | None]:
    """The new current token, and until when the one works on whose place it has just taken; None where another call
    made it.
    """
    merchant, intent_id, until = rotation.merchant, new_intent_id(), call.deadline.within(WAIT_FOR_OTHERS)
    while True:
        seen = call.store.subject(merchant, SHOP)
        if seen.token is not None and seen.token.token_id != rotation.replaces:
            return seen.token, None
        overlap_ends_at = int(call.clock.now()) + call.store.rotation_settings(merchant).overlap
        intention = Intention(
            merchant=merchant,
            subject=SHOP,
            intent_id=intent_id,
            owner=new_owner(),
            title=CURRENT_TITLE,
            requested_by=rotation.requested_by,
            findable=True,
            realm=call.account(merchant).realm,
        )
        mint = call.store.begin_current(intention, seen)
        if isinstance(mint, Mint):
            replaced = partial(succession, call, seen.token, rotation, overlap_ends_at)
            return mint_successor(call, mint, rotation.requested_by, replaced), overlap_ends_at
        wait_for_other(call, until)


def _end_retiring(call: Call[ListingProvider], rotation: Rotation) -> None:
    """No overlap for anybody: what is replaced is asked to be revoked once no memory has it any more."""
    cause = Cause(rotation.requested_by, Why.COMPROMISED)
    for token in call.store.tokens(rotation.merchant):
        if token.state is State.RETIRING:
            call.store.mark_revoking(token, cause, ask_from=int(call.clock.now()) + FORGOTTEN_AFTER)
