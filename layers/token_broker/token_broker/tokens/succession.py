"""Replace the current token by a new one, or finish what a crashed call has begun.

mint the new token ─▶ find it in the provider's list ─▶ store it and retire the old one, in one transaction
"""

from token_broker.clock import Deadline
from token_broker.domain.leases import MintLease, OpenIntent
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.rotation import Rotation, RotationSettings, Succession
from token_broker.domain.token import SHOP, ProviderToken, Reason, State, Token
from token_broker.errors import ProviderUnavailable, RequestOutcome
from token_broker.ports.provider import Account, ListingProvider, MintRequest
from token_broker.tokens.cache import TTL_SECONDS
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.mint import check_account, commit, find, mint, release_on_failure, token_for

#: Seconds after which no function's cache has a token that was current before, including clock skew.
CACHES_CLEARED_AFTER = int(TTL_SECONDS) + 5


def overlap_end(call: Call[ListingProvider], merchant: str) -> int:
    """Return when the overlap of a token ends that is replaced now (Unix seconds)."""
    settings = call.store.rotation_settings.read(merchant).document or RotationSettings()
    return int(call.clock.now()) + settings.overlap


def mint_successor(
    call: Call[ListingProvider], lease: MintLease, rotation: Rotation, previous: Token | None, overlap_ends_at: int
) -> Token:
    """Mint the rotation's token, and store it in place of the previous one once the provider lists it."""
    until = call.deadline.within(PROVIDER_BUDGET)
    with release_on_failure(call, lease):
        minted = mint(call, lease, MintRequest(), until)
        token = token_for(call, lease, minted, State.CURRENT, requested_by=rotation.requested_by)
    # If the list lacks the token, the lease is not released: until it expires nobody mints another, and the next holder
    # finds the token by the intent.
    _check_listed(call, token, until)
    with release_on_failure(call, lease._replace(continued=True)):  # the intent has its token, so it must stay
        replaced = None if previous is None else _succession(call, previous, rotation, overlap_ends_at)
        commit(call, lease, token, replaced=replaced, reason=Reason.ROTATED)
    return token


def _check_listed(call: Call[ListingProvider], token: Token, until: Deadline) -> None:
    listed = call.with_credential_refresh(token.merchant, lambda account: call.provider.list_tokens(account, until))
    if token.token_id not in {each.token.token_id for each in listed}:
        raise ProviderUnavailable(
            "The provider created a token but does not list it yet. The previous one stays. The rotation continues.",
            request_outcome=RequestOutcome.UNKNOWN,
        )


def _succession(call: Call[ListingProvider], previous: Token, rotation: Rotation, overlap_ends_at: int) -> Succession:
    state, until = State.RETIRING, overlap_ends_at
    if rotation.compromised:
        state, until = State.REVOKING, int(call.clock.now()) + CACHES_CLEARED_AFTER
    return Succession(previous=previous, state=state, until=until, rotation_id=rotation.rotation_id)


def adopt(call: Call[ListingProvider], intent: OpenIntent, until: Deadline) -> Token | None:
    """Store and return the token that an open intent has created, or return None if the provider lists none.

    The list is the only request. Raises `MintInProgress` if the lease was lost, and `Conflict` if the secret is for
    another provider account.
    """
    lease = intent.lease
    title = tag_title(lease.title or "", call.store.tokens.broker_id(), lease.intent_id)

    def look_up(account: Account) -> ProviderToken | None:
        check_account(lease, account)
        return find(call, account, title, until)

    found = call.with_credential_refresh(lease.merchant, look_up)
    if found is None:
        return None
    state = State.CURRENT if lease.standing_id is None else State.STANDING
    token = token_for(call, lease, found, state, requested_by=intent.requested_by)
    commit(call, lease, token, replaced=_replaced(call, token), reason=Reason.ADOPTED)
    return token


def _replaced(call: Call[ListingProvider], token: Token) -> Succession | None:
    """Return what an adopted current token replaces, after a rotation that was cut off between mint and commit."""
    if token.state is not State.CURRENT:
        return None
    previous = call.store.leases.state(token.merchant, SHOP).token
    if previous is None or previous.token_id == token.token_id:
        return None
    overlap_ends_at = overlap_end(call, token.merchant)
    rotation = call.store.rotations.get(token.merchant)
    if rotation is not None and rotation.open and rotation.replaces == previous.token_id:
        return _succession(call, previous, rotation, overlap_ends_at)
    return Succession(previous=previous, state=State.RETIRING, until=overlap_ends_at)
