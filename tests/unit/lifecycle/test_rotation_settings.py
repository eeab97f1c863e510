"""How a merchant's tokens are to be rotated: what is taken, kept and shown, and who may change what they have seen."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.events import Context, api_event
from tests.fakes.surroundings import DAY, ListingStack, listing_stack
from tests.unit.loading import load
from token_broker.domain.fields import Precondition
from token_broker.domain.rotation import RotationSettings
from token_broker.entrypoints.adapter import Invocation
from token_broker.entrypoints.api_gateway import ApiGatewayAdapter
from token_broker.entrypoints.direct import DirectAdapter
from token_broker.entrypoints.inputs import PutRotationSettings, read
from token_broker.errors import InvalidRequest, MerchantNotFound
from token_broker.lifecycle.rotation_settings import change, shown
from token_broker.tokens.succession import overlap_end

ROUTE = "/merchants/{merchant}/shopify/rotation-settings"
DEFAULTS = {"maxAgeDays": None, "overlapDays": 7, "paused": False}
ANY = Precondition()


def settings(max_age_days: int | None = 90, overlap_days: int = 7, *, paused: bool = False) -> RotationSettings:
    max_age = None if max_age_days is None else max_age_days * DAY
    return RotationSettings(max_age=max_age, overlap=overlap_days * DAY, paused=paused)


def put(stack: ListingStack, wanted: RotationSettings, precondition: Precondition = ANY) -> int:
    return change(stack.listing_call(), "acme", wanted, precondition)


def exactly(revision: int) -> Precondition:
    return Precondition(revisions=frozenset({revision}), exists=True)


# What the operation keeps


def test_where_nobody_has_set_anything_the_defaults_are_shown_and_nothing_is_rotated(stack: ListingStack) -> None:
    found, revision = shown(stack.listing_call(), "acme")

    assert (found.as_json(), revision) == (DEFAULTS, 0)
    assert stack.store.due_items("acme") == []


def test_what_was_set_is_kept_with_who_did_it_and_is_what_a_rotation_reads(stack: ListingStack) -> None:
    assert put(stack, settings(90, 14)) == 1

    assert shown(stack.listing_call(), "acme") == (settings(90, 14), 1)
    assert overlap_end(stack.listing_call(), "acme") == int(stack.clock.now()) + 14 * DAY
    assert stack.store.schedules["acme"].changed_by == stack.call().caller
    assert stack.telemetry.events == ["rotation_settings_changed"]


@pytest.mark.parametrize(
    ("wanted", "due"),
    [
        (settings(90), ["settings#rotation"]),
        (settings(90, paused=True), []),
        (settings(None, 30), []),
        (settings(None, paused=True), []),
    ],
)
def test_the_clock_looks_at_once_where_it_has_something_to_do_and_not_otherwise(
    stack: ListingStack, wanted: RotationSettings, due: list[str]
) -> None:
    put(stack, wanted)

    assert stack.store.due_items("acme") == due


def test_a_pause_ends_what_was_due_and_its_end_makes_it_due_again(stack: ListingStack) -> None:
    put(stack, settings(90))
    put(stack, settings(90, paused=True))
    assert stack.store.due_items("acme") == []

    assert put(stack, settings(90)) == 3

    assert stack.store.due_items("acme") == ["settings#rotation"]


def test_a_repeated_call_changes_nothing(stack: ListingStack) -> None:
    put(stack, settings())
    stack.clock.advance(100)
    before = dict(stack.store.schedules)

    for precondition in (ANY, exactly(7), Precondition(absent=True)):
        assert put(stack, settings(), precondition) == 1
    assert stack.store.schedules == before


def test_the_defaults_can_be_said_explicitly(stack: ListingStack) -> None:
    assert put(stack, settings(None)) == 1


def test_an_unknown_merchant_is_told_so_before_anything_is_written(stack: ListingStack) -> None:
    with pytest.raises(MerchantNotFound):
        change(stack.listing_call(), "nobody", settings(), ANY)
    with pytest.raises(MerchantNotFound):
        shown(stack.listing_call(), "nobody")

    assert (stack.store.calls, stack.store.schedules) == ([], {})


def test_a_merchant_with_a_broken_secret_can_pause(stack: ListingStack) -> None:
    stack.secrets.stored["acme"] = {"other": "field"}

    assert put(stack, settings(paused=True)) == 1
    assert shown(stack.listing_call(), "acme") == (settings(paused=True), 1)


@pytest.mark.parametrize(
    ("max_age", "overlap", "fits"), [(1, 79, True), (1, 80, False), (2, 158, True), (4, 365, False)]
)
def test_an_overlap_for_which_the_provider_has_no_places_is_refused(
    stack: ListingStack, max_age: int, overlap: int, *, fits: bool
) -> None:
    """Of 100 places twenty are left to others; the current token takes one."""
    if fits:
        assert put(stack, settings(max_age, overlap)) == 1
        return
    with pytest.raises(InvalidRequest, match="'overlapDays'"):
        put(stack, settings(max_age, overlap))
    assert stack.store.schedules == {}


# What the routes take


def api(body: Any = None, **headers: str) -> ApiGatewayAdapter:
    sent = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return ApiGatewayAdapter(
        api_event(resource=ROUTE, httpMethod="PUT", path={"merchant": "acme"}, body=body, headers=sent)
    )


def direct(**fields: Any) -> DirectAdapter:
    return DirectAdapter({"merchant": "acme", **fields}, "lambda-request-1")


def taken(adapter: Invocation) -> PutRotationSettings:
    return read(PutRotationSettings, adapter.raw_fields(PutRotationSettings))


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ({}, DEFAULTS),
        ({"maxAgeDays": None}, DEFAULTS),
        ({"maxAgeDays": 1}, {**DEFAULTS, "maxAgeDays": 1}),
        ({"maxAgeDays": 3650, "overlapDays": 365}, {"maxAgeDays": 3650, "overlapDays": 365, "paused": False}),
        ({"overlapDays": 1, "paused": True}, {"maxAgeDays": None, "overlapDays": 1, "paused": True}),
    ],
)
def test_what_is_left_out_has_its_default_through_both_doors(body: Any, document: dict[str, Any]) -> None:
    for adapter in (api(body), direct(**body)):
        assert taken(adapter).settings.as_json() == document


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("maxAgeDays", value) for value in (0, 3651, -1, 1.5, 7.0, True, "90")),
        *(("overlapDays", value) for value in (0, 366, None, True)),
        *(("paused", value) for value in (None, "true", 1)),
    ],
)
def test_anything_else_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(InvalidRequest, match=f"'{name}' must be "):
        taken(api({name: value}))


@pytest.mark.parametrize("unknown", ["days", "dueAt", "revision"])
def test_a_member_that_is_no_setting_is_refused(unknown: str) -> None:
    with pytest.raises(InvalidRequest, match="no others"):
        taken(api({unknown: 1}))


def test_the_preconditions_are_taken_from_the_headers() -> None:
    assert taken(api({}, If_Match='"3"')).precondition == exactly(3)
    assert taken(api({}, If_None_Match="*")).precondition == Precondition(absent=True)
    assert taken(direct(ifMatch='"3"')).precondition == exactly(3)


# The functions


@pytest.fixture
def shopify(put_in: Callable[..., None]) -> ListingStack:
    stack = listing_stack()
    put_in("shopify", lambda request: stack.listing_call(request.caller, grant=request.grant))
    return stack


def test_a_state_machine_is_given_the_revision(shopify: ListingStack) -> None:
    get, put_it = load("shopify/get_rotation_settings"), load("shopify/put_rotation_settings")

    assert get({"merchant": "acme"}, Context()) == DEFAULTS
    assert put_it({"merchant": "acme", "maxAgeDays": 30}, Context()) == {**DEFAULTS, "maxAgeDays": 30, "revision": 1}
    assert get({"merchant": "acme"}, Context()) == {**DEFAULTS, "maxAgeDays": 30, "revision": 1}
