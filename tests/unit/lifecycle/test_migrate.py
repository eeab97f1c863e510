"""The migration of a permanent token, and the worker that completes it and keeps unused pairs alive."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import DAY, PairStack, pair_stack
from tests.unit.lifecycle.worker_runs import result
from token_broker.domain.credential_pair import MerchantState
from token_broker.errors import (
    BrokerError,
    Conflict,
    InvalidRequest,
    MerchantNotFound,
    PermanentTokenRefused,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    RequestOutcome,
)
from token_broker.lifecycle.migrate import MigrationReport, migrate
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.issue import standing_token
from token_broker.tokens.sign_in import IDLE

HOUR = 60 * 60
SHOP = "acme.myshopify.com"


@pytest.fixture
def stack() -> PairStack:
    """Build a stack whose merchant has a permanent token."""
    made = pair_stack()
    made.secrets.stored["acme"] = {"adminAccessToken": made.provider.give_permanent()}
    return made


@pytest.fixture
def signed_in() -> PairStack:
    """Build a stack whose merchant has a pair that was used."""
    made = pair_stack()
    mint(made)
    return made


def run(stack: PairStack, confirm: str = SHOP) -> MigrationReport:
    return migrate(stack.call(), "acme", confirm=confirm)


def mint(stack: PairStack) -> None:
    standing_token(stack.listing_call(), "acme", "T", None)


def work(stack: PairStack) -> dict[str, int]:
    """Run the worker on pending work, and return what became of the pair."""
    return maintain(stack.listing_call(), "acme", [each for each in stack.store.due_items("acme") if "pair" in each])


# The operation


def test_a_migration_gives_a_pair_that_is_used_from_then_on(stack: PairStack) -> None:
    mint(stack)
    now = int(stack.clock.now())

    report = run(stack)

    assert (report.status, report.as_json()) == (
        200,
        {
            "merchant": "acme",
            "shop": SHOP,
            "state": "done",
            "reversible": False,
            "accessTokenExpiresAt": now + HOUR,
            "refreshTokenExpiresAt": now + 90 * DAY,
        },
    )
    assert "permanent_token_migrated" in stack.telemetry.events
    mint(stack)
    assert stack.provider.mints[-1][0].credentials["accessToken"].startswith("access-")


def test_another_process_uses_the_pair_although_it_remembers_the_permanent_token(stack: PairStack) -> None:
    mint(stack)
    remembered = stack.sign_ins
    stack.forget_memory()
    run(stack)
    stack.sign_ins = remembered

    mint(stack)

    assert stack.provider.pairs_made == 1


def test_a_repeated_migration_asks_nobody_and_says_the_same(stack: PairStack) -> None:
    report = run(stack)
    stack.forget_memory()

    assert run(stack) == report
    assert len(stack.provider.asked_grants) == 1


@pytest.mark.parametrize(
    ("secret", "confirm", "error", "text"),
    [
        *((None, confirm, InvalidRequest, "confirm") for confirm in ("", "acme", "another.myshopify.com", f"x{SHOP}")),
        ({"key": "k"}, SHOP, Conflict, "adminAccessToken"),
        ({"refreshToken": "refresh-1"}, SHOP, Conflict, "adminAccessToken"),
        ({}, SHOP, MerchantNotFound, "no secret"),
    ],
)
def test_a_merchant_without_a_permanent_token_or_without_its_confirmation_is_not_migrated(
    stack: PairStack, secret: dict[str, str] | None, confirm: str, error: type[BrokerError], text: str
) -> None:
    stack.provider.account_id = SHOP
    if secret:
        stack.secrets.stored["acme"] = secret
    elif secret is not None:
        stack.secrets.delete("acme")

    with pytest.raises(error, match=text):
        run(stack, confirm)

    assert (stack.provider.asked_grants, stack.store.pairs.items) == ([], {})


def test_the_shop_may_be_written_in_capitals(stack: PairStack) -> None:
    assert run(stack, f" {SHOP.upper()} ").status == 200


def test_two_migrations_at_once_exchange_the_token_once(stack: PairStack) -> None:
    with ThreadPoolExecutor(8) as threads:
        reports = list(threads.map(lambda _: run(stack), range(8)))

    assert {report.pair for report in reports} == {reports[0].pair}
    assert [report.status for report in reports] == [200] * 8
    assert len(stack.provider.asked_grants) == 1


def test_a_migration_that_takes_too_long_elsewhere_is_pending(stack: PairStack) -> None:
    stack.store.pairs.acquire(stack.store.pairs.get("acme"), "somebody-else", migrate="origin")

    report = run(stack)

    assert (report.status, report.as_json()["state"], report.failure) == (202, "pending", "mint_in_progress")


@pytest.mark.parametrize(
    ("failure", "acted"),
    [
        (lost(), True),
        (lost(), False),
        (down(), False),
        (ProviderThrottled("Slower."), False),
        (ProviderError("No pair.", request_outcome=RequestOutcome.UNKNOWN), True),
    ],
    ids=["answer lost", "request lost", "down", "throttled", "answer not usable"],
)
def test_a_migration_of_unknown_outcome_is_completed_by_the_worker(
    stack: PairStack, failure: ProviderFailure, *, acted: bool
) -> None:
    stack.provider.grants = [(failure, acted)]

    report = run(stack)

    assert (report.status, report.as_json()["failure"]) == (202, failure.code)
    assert work(stack) == result(), "not before the end of the lease"
    stack.clock.advance(LEASE)
    assert work(stack) == result(done=1)
    assert stack.provider.pairs_made == 1
    assert run(stack).status == 200


def test_a_call_after_a_lost_answer_completes_the_migration_itself(stack: PairStack) -> None:
    mint(stack)
    stack.provider.grants = [(lost(), True)]
    run(stack)
    stack.clock.advance(LEASE)

    mint(stack)

    assert stack.provider.pairs_made == 1
    assert not stack.store.pairs.get("acme").migrating


def test_the_confirmation_of_one_token_is_none_of_the_next_one(stack: PairStack) -> None:
    stack.provider.grants = [(down(), False)]
    run(stack)
    stack.secrets.stored["acme"] = {"adminAccessToken": stack.provider.give_permanent()}
    stack.clock.advance(LEASE)

    assert work(stack) == result(done=1)
    mint(stack)

    assert stack.provider.pairs_made == 0
    assert stack.store.pairs.get("acme").due_at is None


@pytest.mark.parametrize("failure", [PermanentTokenRefused("No."), ProviderError("No such client.")])
def test_a_refused_migration_leaves_nothing_to_do(stack: PairStack, failure: ProviderFailure) -> None:
    stack.provider.grants = [(failure, False)]

    with pytest.raises(type(failure)):
        run(stack)

    record = stack.store.pairs.get("acme")
    assert (record.migrating, record.due_at, record.lease_ends_at) == ("", None, 0)
    mint(stack)  # the permanent token works on
    assert stack.provider.pairs_made == 0


def test_a_refusal_after_a_lost_answer_does_not_end_the_migration(stack: PairStack) -> None:
    """The permanent token has ended already. Its pair is in no secret yet."""
    stack.provider.grants = [(lost(), True), (ProviderRejectedCredentials("No such client."), False)]
    run(stack)
    stack.clock.advance(LEASE)
    assert work(stack) == result(put_off=1)

    stack.clock.advance(HOUR)
    assert work(stack) == result(done=1)
    assert stack.provider.pairs_made == 1


def test_a_token_that_was_migrated_elsewhere_is_refused(stack: PairStack) -> None:
    elsewhere = stack.call().account("acme")
    pair = stack.provider.exchange(elsewhere, stack.call().deadline)
    stack.provider.refresh(elsewhere, pair.refresh_token, stack.call().deadline)

    with pytest.raises(PermanentTokenRefused):
        run(stack)

    assert stack.store.pairs.get("acme").due_at is None
    assert stack.store.pairs.get("acme").state is MerchantState.ACTIVE


# The worker


def test_an_unused_pair_is_renewed_every_month_and_outlives_its_refresh_token(signed_in: PairStack) -> None:
    for pairs in range(2, 6):
        signed_in.clock.advance(IDLE - 1)
        assert work(signed_in) == result()
        signed_in.clock.advance(1)
        assert work(signed_in) == result(done=1)
        assert signed_in.provider.pairs_made == pairs
        assert signed_in.store.pairs.get("acme").due_at == int(signed_in.clock.now()) + IDLE

    mint(signed_in)
    assert signed_in.store.pairs.get("acme").state is MerchantState.ACTIVE


def test_a_failed_renewal_is_tried_again(signed_in: PairStack) -> None:
    signed_in.clock.advance(IDLE)
    signed_in.provider.grants = [(down(), False)]

    assert work(signed_in) == result(put_off=1)
    assert signed_in.store.pairs.get("acme").tries == 1
    ((event, fields),) = signed_in.telemetry.notices
    assert (event, fields["item"]) == ("work_rescheduled", "pair")

    signed_in.clock.advance(HOUR)
    assert work(signed_in) == result(done=1)
    assert signed_in.store.pairs.get("acme").tries == 0


def test_a_pair_is_renewed_before_the_work_that_needs_it(signed_in: PairStack) -> None:
    signed_in.clock.advance(IDLE)
    signed_in.provider.grants = [(down(), False)]

    done = maintain(signed_in.listing_call(), "acme", ["reconciliation#shop", "pair#shop"])

    assert done == result(put_off=1, left=1)
    assert signed_in.store.pairs.get("acme").tries == 1


def test_a_pair_that_a_caller_renews_is_left_to_it_until_its_lease_ends(signed_in: PairStack) -> None:
    assert maintain(signed_in.listing_call(), "acme", ["pair#shop"]) == result(left=1), "it is not due"
    signed_in.clock.advance(IDLE)
    signed_in.store.pairs.acquire(signed_in.store.pairs.get("acme"), "a caller")
    read = len(signed_in.secrets.reads)

    assert work(signed_in) == result(left=1)
    assert len(signed_in.secrets.reads) == read
    signed_in.clock.advance(LEASE)
    assert work(signed_in) == result(done=1)


@pytest.mark.parametrize("secret", [None, {"key": "k"}, {"adminAccessToken": "permanent-0"}])
def test_a_pair_without_its_secret_is_not_renewed_any_more(signed_in: PairStack, secret: dict[str, str] | None) -> None:
    signed_in.clock.advance(IDLE)
    signed_in.secrets.delete("acme")
    if secret is not None:
        signed_in.secrets.stored["acme"] = secret

    assert work(signed_in) == result(done=1)

    assert signed_in.store.pairs.get("acme").due_at is None
    assert signed_in.provider.pairs_made == 1


def refused(stack: PairStack) -> None:
    """Have somebody else end the pair, and the worker find out."""
    stack.clock.advance(IDLE)
    stack.provider.authorize()
    assert work(stack) == result(put_off=1)


def test_a_merchant_to_reauthorize_is_counted_once_a_day(signed_in: PairStack) -> None:
    refused(signed_in)
    asked = len(signed_in.provider.asked_grants)

    for days in (2, 3):
        assert work(signed_in) == result()
        signed_in.clock.advance(DAY)
        assert work(signed_in) == result(put_off=1)
        assert signed_in.telemetry.total("MerchantsToReauthorize") == days

    assert len(signed_in.provider.asked_grants) == asked
    assert [event.type for event in signed_in.store.told].count("MerchantStateChanged") == 1


def test_a_new_secret_is_found_by_the_worker(signed_in: PairStack) -> None:
    refused(signed_in)
    signed_in.secrets.stored["acme"] = {"refreshToken": signed_in.provider.authorize()}
    signed_in.clock.advance(DAY)

    assert work(signed_in) == result(done=1)

    record = signed_in.store.pairs.get("acme")
    assert (record.state, record.due_at) == (MerchantState.ACTIVE, int(signed_in.clock.now()) + IDLE)
