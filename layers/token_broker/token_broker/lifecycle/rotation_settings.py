"""Read and change a merchant's rotation settings, and request a rotation once the current token is too old.

Scheduled rotation is off until a merchant sets a maximum age, because the token of a released app must not end
unexpectedly. The settings item is due when the current token reaches that age. The check then requests a rotation,
which is an item of its own, and schedules the next check.
"""

from contextlib import suppress

from token_broker.domain.fields import Precondition
from token_broker.domain.pending import SettingsCheck
from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import SHOP
from token_broker.errors import InvalidRequest, MerchantMisconfigured
from token_broker.lifecycle.rotate import request
from token_broker.ports import documents
from token_broker.ports.documents import Revisioned
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call

#: Quota slots that replaced tokens must leave free.
RESERVED_SLOTS = 20


def shown(call: Call[ListingProvider], merchant: str) -> tuple[RotationSettings, int]:
    """Return the settings and their revision, or the defaults and 0 if none are stored. Raises `MerchantNotFound`."""
    _check_exists(call, merchant)
    stored = call.store.rotation_settings.read(merchant)
    return stored.document or RotationSettings(), stored.revision


def change(call: Call[ListingProvider], merchant: str, settings: RotationSettings, precondition: Precondition) -> int:
    """Store the settings, schedule their check for now, and return their revision.

    Raises `MerchantNotFound`, `InvalidRequest`, `PreconditionFailed` or `Conflict`.
    """
    _check_exists(call, merchant)
    _check_quota(call, settings)
    scheduled = settings.max_age is not None and not settings.paused
    due_at = int(call.clock.now()) if scheduled else None
    new = Revisioned(settings, changed_by=call.caller, due_at=due_at)
    before, after = documents.change(
        call.store.rotation_settings, merchant, new, precondition, what="rotation settings document"
    )
    if after.revision != before.revision:
        call.telemetry.notice(
            "rotation_settings_changed",
            merchant=merchant,
            revision=after.revision,
            caller=call.caller,
            **settings.as_json(),
        )
    return after.revision


def check(call: Call[ListingProvider], due: SettingsCheck, *, by: str) -> None:
    """Request a rotation if the current token has reached its maximum age, and schedule the next check.

    The check can be repeated, because an open or recent rotation is joined. Raises `MerchantNotFound` or
    `MerchantMisconfigured` if the secret cannot be used. Raises `MintInProgress` if concurrent changes prevent the
    request.
    """
    max_age, now = due.settings.max_age, int(call.clock.now())
    if max_age is None or due.settings.paused:
        call.store.schedule.reschedule(due, None)
        return
    token = call.store.leases.state(due.merchant, SHOP).token
    # The issue time can be in the future if a clock went back or the provider's clock is ahead. Its age is then 0.
    age = 0 if token is None else max(0, now - token.issued_at)
    if age >= max_age:
        call.account(due.merchant)  # a rotation needs a usable secret
        request(call, due.merchant, compromised=False, requested_by=by, due_in=0)
        age = 0
    call.store.schedule.reschedule(due, now + max_age - age)


def _check_exists(call: Call[ListingProvider], merchant: str) -> None:
    with suppress(MerchantMisconfigured):  # a merchant with an unusable secret exists, and can be paused
        call.account(merchant)


def _check_quota(call: Call[ListingProvider], settings: RotationSettings) -> None:
    """Raise `InvalidRequest` if the tokens within their overlap would need too many quota slots."""
    limit = call.capabilities.limit
    if limit is None or settings.max_age is None:
        return
    at_once = -(-settings.overlap // settings.max_age) + 1
    if at_once > limit - RESERVED_SLOTS:
        raise InvalidRequest(
            f"'overlapDays' is too long for 'maxAgeDays': {at_once} tokens would be valid at the same time. The "
            f"provider allows {limit} tokens, and {RESERVED_SLOTS} of them must stay free. Shorten 'overlapDays' or "
            "raise 'maxAgeDays'."
        )
