"""Rotate the current token: mint a new one first, and keep the old one working for its overlap.

request ─▶ mint the new token ─▶ find it in the list ─▶ make it current, emit the event, retire the old one ─▶ end
                                                        └──────────────── one transaction ────────────────┘

The worker revokes the old token after its overlap. The stored request is open until the current token has changed.
Therefore a run can end anywhere, and the worker continues the rotation from the stored state.
"""

from copy import replace
from typing import Any, NamedTuple, cast

from token_broker.domain.ownership_tag import new_intent_id
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, Change, Reason, RevocationStatus, State, Token
from token_broker.errors import BrokerError, MintInProgress
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.call import Call
from token_broker.tokens.issue import Attempt, shop_token
from token_broker.tokens.succession import CACHES_CLEARED_AFTER, mint_successor, overlap_end

#: Seconds within which a request joins the previous rotation.
JOIN_WINDOW = 60
#: Seconds after which the worker continues a rotation that this call did not end.
RETRY_AFTER_CALL = 40
#: How often to try to store the request if concurrent changes win.
MAX_ATTEMPTS = 3


class RotationReport(NamedTuple):
    """Report the state of a rotation.

    `token` is the new token, or None if it is not known. `overlap_ends_at` (Unix seconds) is when the old token ends.
    It is None unless this call has made the old token retiring.
    """

    rotation: Rotation
    token: Token | None = None
    overlap_ends_at: int | None = None

    @property
    def status(self) -> int:
        """Return the status of the response: the rotation can still be open."""
        return 202

    def as_json(self) -> dict[str, Any]:
        """Return the response of the rotation route."""
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


class Unsupported(NamedTuple):
    """Report that the provider does not support rotation, and whether it has returned another token than before."""

    changed: bool

    @property
    def status(self) -> int:
        """Return the status of the response: there is nothing to wait for."""
        return 200

    def as_json(self) -> dict[str, Any]:
        """Return the response of the rotation route."""
        return {"rotation": RevocationStatus.UNSUPPORTED.value, "changed": self.changed}


def rotate(call: Call[Provider], merchant: str, *, compromised: bool = False) -> RotationReport | Unsupported:
    """Replace the current token, or request it again if the provider does not support rotation.

    Does nothing if the provider's tokens expire.
    """
    call.account(merchant)  # an unknown merchant leaves nothing in the store
    if call.capabilities.rotates:
        return _rotate(cast("Call[ListingProvider]", call), merchant, compromised=compromised)
    if call.capabilities.expires:
        return Unsupported(changed=False)
    previous = call.store.leases.state(merchant, SHOP).token
    token = shop_token(call, merchant, fresh=True)
    return Unsupported(changed=previous is not None and previous.token_id != token.token_id)


def _rotate(call: Call[ListingProvider], merchant: str, *, compromised: bool) -> RotationReport:
    """Store or join a rotation request, and carry the rotation out.

    A joined rotation is only reported if it has ended or is recent. A failure that can be retried is left to the
    worker. Raises every other failure of a new rotation, and the old token stays current.
    """
    rotation, joined = request(call, merchant, compromised=compromised)
    if joined and (not rotation.open or _is_recent(rotation, call.clock.now())):
        return RotationReport(rotation)
    try:
        return advance(call, rotation)
    except MintInProgress:
        return RotationReport(rotation)  # another call is rotating or has changed the token, which is no failure
    except BrokerError as failure:
        # The worker keeps retrying a rotation that another call has requested.
        if not joined and not _left_to_scheduler(call, rotation, failure):
            raise
        return RotationReport(replace(rotation, failure=failure.code))


def request(
    call: Call[ListingProvider],
    merchant: str,
    *,
    compromised: bool,
    requested_by: str | None = None,
    due_in: int = RETRY_AFTER_CALL,
) -> tuple[Rotation, bool]:
    """Store a rotation request or join the previous one, and return the rotation and whether it was joined.

    The worker continues a new rotation after `due_in` seconds if it is still open. A `compromised` request does not
    join an ordinary rotation, because that rotation's token may be compromised too. Raises `MintInProgress` if
    concurrent changes prevent the write.
    """
    rotation_id = new_intent_id()
    for _ in range(MAX_ATTEMPTS):
        previous = call.store.rotations.get(merchant)
        now = int(call.clock.now())
        if previous is not None and previous.rotation_id == rotation_id:
            return previous, False  # the previous write succeeded, and its response was lost
        if previous is not None and _joins(previous, now, compromised=compromised):
            call.telemetry.count("RotationsJoined")
            return previous, True
        state = call.store.leases.state(merchant, SHOP)
        rotation = Rotation(
            merchant=merchant,
            rotation_id=rotation_id,
            replaces=None if state.token is None else state.token.token_id,
            compromised=compromised,
            requested_by=requested_by or call.caller,
            requested_at=now,
            due_at=now + due_in,
        )
        if call.store.rotations.request(rotation, state, previous):
            return rotation, False
    raise MintInProgress


def _joins(previous: Rotation, now: int, *, compromised: bool) -> bool:
    if compromised and not previous.compromised:
        return False
    return previous.open or (_is_recent(previous, now) and previous.failure is None)


def _is_recent(rotation: Rotation, now: float) -> bool:
    # A negative age means that the clock went back. It must not block new rotations.
    return 0 <= now - rotation.requested_at < JOIN_WINDOW


def advance(call: Call[ListingProvider], rotation: Rotation) -> RotationReport:
    """Continue the rotation from its stored state to its end. Raises the failure that stops it."""
    token, overlap_ends_at = _make_successor(call, rotation)
    call.cache.drop(rotation.merchant)
    if rotation.compromised:
        overlap_ends_at = None
        _revoke_retiring(call, rotation)
    call.store.rotations.end(rotation)
    call.telemetry.count("TokensRotated")
    return RotationReport(replace(rotation, open=False, failure=None), token, overlap_ends_at)


def _left_to_scheduler(call: Call[ListingProvider], rotation: Rotation, failure: BrokerError) -> bool:
    """Reschedule the rotation if a retry can help or an intent is open, and end it as failed if not.

    Returns whether it was rescheduled.
    """
    call.telemetry.count("RotationsFailed")
    call.telemetry.notice(
        "rotation_failed", merchant=rotation.merchant, rotation=rotation.rotation_id, code=failure.code
    )
    if failure.retryable or call.store.leases.state(rotation.merchant, SHOP).has_open_intent:
        call.store.schedule.reschedule(rotation, int(call.clock.now()) + RETRY_AFTER_CALL, failure=failure.code)
        return True
    call.store.rotations.end(rotation, failure.code)
    return False


def _make_successor(call: Call[ListingProvider], rotation: Rotation) -> tuple[Token, int | None]:
    """Return the new current token, and when the old token's overlap ends (Unix seconds).

    Mints the token unless another call has made one. In that case the second value is None.
    """
    merchant, attempt = rotation.merchant, Attempt(call.as_caller(rotation.requested_by))
    while True:
        state = call.store.leases.state(merchant, SHOP)
        if state.token is not None and state.token.token_id != rotation.replaces:
            return state.token, None
        overlap_ends_at = overlap_end(call, merchant)
        lease = attempt.acquire(state, merchant, SHOP, call.account(merchant).account_id)
        if lease is not None:
            return mint_successor(call, lease, rotation, state.token, overlap_ends_at), overlap_ends_at
        attempt.wait_for_other()


def _revoke_retiring(call: Call[ListingProvider], rotation: Rotation) -> None:
    """Mark all retiring tokens as revoking, and revoke them once no cache has them any more."""
    change = Change(rotation.requested_by, Reason.COMPROMISED)
    for token in call.store.tokens.all(rotation.merchant):
        if token.state is State.RETIRING:
            call.store.tokens.mark_revoking(token, change, ask_from=int(call.clock.now()) + CACHES_CLEARED_AFTER)
