"""How a merchant wants tokens to be rotated, and the clock's look at it.

A merchant opts in by a maximum age: a token inside a released app must not end by surprise. The settings' item is due
when the current token reaches that age. The look at it asks for a rotation, which is an item of its own, and sets the
time of the next look.
"""

from contextlib import suppress

from token_broker.domain.precondition import Precondition
from token_broker.domain.rotation import RotationSchedule, RotationSettings
from token_broker.domain.token import SHOP
from token_broker.errors import Conflict, InvalidRequest, MerchantMisconfigured
from token_broker.lifecycle.rotate import request
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call

#: Times that a change is tried again where another came between its reading and its writing.
TRIES = 3
#: Places at the provider that replaced tokens must leave to others.
RESERVED_SLOTS = 20


def shown(call: Call[ListingProvider], merchant: str) -> tuple[RotationSettings, int]:
    """The settings and their revision; the defaults and 0 where nobody has set any. Raises `MerchantNotFound`."""
    _must_exist(call, merchant)
    stands = call.store.rotation_schedule(merchant)
    return (call.store.rotation_settings(merchant), 0) if stands is None else (stands.settings, stands.revision)


def change(call: Call[ListingProvider], merchant: str, settings: RotationSettings, precondition: Precondition) -> int:
    """Store the settings: their revision. The clock looks at them within a minute of it.

    Raises `MerchantNotFound`, `InvalidRequest`, `PreconditionFailed`, `Conflict`.
    """
    _must_exist(call, merchant)
    _check_places(call, settings)
    now = int(call.clock.now())
    for _ in range(TRIES):
        stands = call.store.rotation_schedule(merchant)
        revision = 0 if stands is None else stands.revision
        precondition.check(None if stands is None else revision, what="document of rotation settings")
        if stands is not None and stands.settings == settings:
            return revision  # a repeated call changes nothing
        new = RotationSchedule(
            settings=settings,
            revision=revision + 1,
            changed_by=call.caller,
            changed_at=now,
            due_at=now if _scheduled(settings) else None,
        )
        if call.store.replace_rotation_schedule(merchant, new, expected=revision):
            call.telemetry.notice(
                "rotation_settings_changed",
                merchant=merchant,
                revision=new.revision,
                caller=call.caller,
                **settings.as_json(),
            )
            return new.revision
    raise Conflict("Others are changing these settings right now. Ask again in a moment.")


def look(call: Call[ListingProvider], merchant: str, schedule: RotationSchedule, *, by: str) -> None:
    """Ask for a rotation if the current token has reached its age, and set the time of the next look.

    Whatever happens in between, it can be done again: a rotation that stands is joined. Raises `MerchantNotFound`,
    `MerchantMisconfigured`, and `MintInProgress` where the subject changes under it.
    """
    max_age, now = schedule.settings.max_age, int(call.clock.now())
    if max_age is None or schedule.settings.paused:
        call.store.reschedule_settings_check(merchant, schedule, None)
        return
    token = call.store.subject_state(merchant, SHOP).token
    # A token from the future, by a clock that has jumped back since or the provider's own, is as good as new.
    age = 0 if token is None else max(0, now - token.issued_at)
    if age >= max_age:
        call.account(merchant)  # without a usable secret no rotation would get anywhere
        request(call, merchant, compromised=False, requested_by=by, due_in=0)
        age = 0
    call.store.reschedule_settings_check(merchant, schedule, now + max_age - age)


def _scheduled(settings: RotationSettings) -> bool:
    return settings.max_age is not None and not settings.paused


def _must_exist(call: Call[ListingProvider], merchant: str) -> None:
    with suppress(MerchantMisconfigured):  # there is a secret, which somebody has to mend: no reason not to pause
        call.account(merchant)


def _check_places(call: Call[ListingProvider], settings: RotationSettings) -> None:
    """A provider with places for so many tokens must have one for each that is replaced and works on."""
    limit = call.provider.capabilities.limit
    if limit is None or settings.max_age is None:
        return
    at_once = -(-settings.overlap // settings.max_age) + 1
    if at_once > limit - RESERVED_SLOTS:
        raise InvalidRequest(
            f"'overlapDays' is too long beside 'maxAgeDays': {at_once} of the {limit} tokens that the provider allows "
            f"would live at once. Leave {RESERVED_SLOTS} of them to others."
        )
