"""Expiring credentials: who renews a pair, when, what is stored before it is used, and what a refusal leads to."""

import threading

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.surroundings import PairStack, pair_stack
from token_broker.clock import Deadline
from token_broker.domain.credential_pair import RENEW_BEFORE, CredentialPair, MerchantState
from token_broker.errors import (
    BrokerError,
    MintInProgress,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderUnavailable,
    ReauthorizationRequired,
    StorageUnavailable,
)
from token_broker.http.client import malformed_response
from token_broker.lifecycle.worker import maintain
from token_broker.ports.provider import Account
from token_broker.tokens.call import PROVIDER_BUDGET, WAIT_FOR_OTHERS
from token_broker.tokens.sign_in import IDLE, PAUSE_AFTER_REJECTION, RETRY_AFTER

HOUR = 60 * 60
DAY = 24 * HOUR


@pytest.fixture
def stack() -> PairStack:
    return pair_stack()


def use(stack: PairStack) -> str:
    """Send one request to the provider, and return the access token that went with it."""
    used: list[str] = []

    def operation(account: Account) -> None:
        used.append(account.credentials["accessToken"])
        stack.provider.list_tokens(account, stack.listing_call().deadline)

    stack.call().with_credential_refresh("acme", operation)
    return used[-1]


def lock_out(stack: PairStack) -> None:
    """End all that the provider gave, as another holder of the app can do."""
    stack.provider.authorize()
    stack.provider.access_ends.clear()


def recover(stack: PairStack) -> None:
    stack.secrets.stored["acme"] = {"refreshToken": stack.provider.authorize()}


def test_a_pair_is_stored_and_named_before_it_is_used_and_shared_by_the_processes(stack: PairStack) -> None:
    token = use(stack)

    record = stack.store.pairs.get("acme")
    assert record.version_id is not None
    assert stack.session_secrets.versions["acme"][record.version_id].access_token == token
    assert stack.store.calls.index("pairs.commit") > stack.store.calls.index("pairs.acquire")
    assert record.due_at == int(stack.clock.now()) + IDLE

    calls, reads = len(stack.store.calls), stack.session_secrets.reads
    assert use(stack) == token
    assert (len(stack.store.calls), stack.session_secrets.reads) == (calls, reads), "a warm process asks nobody"

    stack.forget_memory()
    assert use(stack) == token
    assert stack.provider.pairs_made == 1


def test_a_pair_is_renewed_five_minutes_before_its_end(stack: PairStack) -> None:
    token = use(stack)

    stack.clock.advance(HOUR - RENEW_BEFORE - 1)
    assert use(stack) == token
    stack.clock.advance(1)
    assert use(stack) != token
    assert stack.session_secrets.writes == 2


def test_while_another_caller_renews_the_old_token_is_used_as_long_as_it_works(stack: PairStack) -> None:
    token = use(stack)
    stack.clock.advance(HOUR - 60)
    stack.store.pairs.acquire(stack.store.pairs.get("acme"), "somebody-else")

    assert use(stack) == token
    stack.clock.advance(60)
    stack.store.pairs.acquire(stack.store.pairs.get("acme"), "somebody-else")
    with pytest.raises(MintInProgress):
        use(stack)
    assert stack.provider.pairs_made == 1


def test_many_callers_at_the_end_of_the_hour_cause_one_renewal(stack: PairStack) -> None:
    use(stack)
    stack.clock.advance(HOUR)
    used: list[str] = []
    threads = [threading.Thread(target=lambda: used.append(use(stack))) for _ in range(20)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(used) == 20
    assert len(set(used)) == 1
    assert stack.provider.pairs_made == 2


@pytest.mark.parametrize(
    ("failure", "later", "pairs"), [(lost(), RETRY_AFTER, 1), (down(), RETRY_AFTER, 1), (lost(), 2 * HOUR, 2)]
)
def test_after_a_lost_answer_the_same_refresh_token_is_sent_again_and_a_pair_that_has_ended_is_renewed(
    stack: PairStack, failure: ProviderUnavailable, later: int, pairs: int
) -> None:
    stack.provider.grants = [(failure, True)]
    with pytest.raises(ProviderUnavailable):
        use(stack)

    stack.clock.advance(later)
    use(stack)

    assert stack.provider.asked_grants[0] == stack.provider.asked_grants[1]
    assert (len(set(stack.provider.asked_grants)), stack.provider.pairs_made) == (pairs, pairs)


@pytest.mark.parametrize("failure", [down(), malformed_response("it has no 'expires_in'"), StorageUnavailable("Down.")])
def test_a_renewal_that_fails_or_cannot_be_stored_keeps_the_token_that_still_works(
    stack: PairStack, failure: BrokerError
) -> None:
    token = use(stack)
    stack.clock.advance(HOUR - 60)
    if isinstance(failure, ProviderFailure):
        stack.provider.grants = [(failure, False)]
    else:
        stack.store.refuse("pairs.commit", failure)

    assert use(stack) == token
    assert "renewal_failed" in stack.telemetry.events


def test_a_renewal_without_an_answer_leaves_time_to_use_the_token_that_still_works(
    stack: PairStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_account: Account, _token: str, deadline: Deadline) -> CredentialPair:
        stack.clock.advance(deadline.left())
        raise lost()

    use(stack)
    stack.clock.advance(HOUR - 60)
    monkeypatch.setattr(stack.provider, "refresh", hang)
    call = stack.call()
    until, left = call.deadline.within(PROVIDER_BUDGET), list[float]()

    call.with_credential_refresh("acme", lambda _: left.append(until.left()))

    assert left == [PROVIDER_BUDGET - WAIT_FOR_OTHERS]


def test_a_rejected_client_is_not_sent_again_with_the_same_secret(stack: PairStack) -> None:
    stack.provider.grants = [(ProviderRejectedCredentials("No such client."), False)]

    with pytest.raises(ProviderRejectedCredentials):
        use(stack)

    assert len(stack.provider.asked_grants) == 1


def keep_refresh_tokens(stack: PairStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the provider return the refresh token that was sent, as Fourthwall does."""
    refresh = stack.provider.refresh

    def same(account: Account, token: str, deadline: Deadline) -> CredentialPair:
        pair = refresh(account, token, deadline)
        stack.provider.live[token] = None
        return pair._replace(refresh_token=token)

    monkeypatch.setattr(stack.provider, "refresh", same)


def test_an_access_token_in_memory_is_used_while_it_works(stack: PairStack, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_refresh_tokens(stack, monkeypatch)
    token = use(stack)
    assert stack.session_secrets.writes == 0
    stack.clock.advance(HOUR - 60)
    stack.provider.grants = [(down(), False)]

    assert use(stack) == token


def test_a_version_stays_named_if_its_refresh_token_stays_the_same(
    stack: PairStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(stack)
    newest = stack.session_secrets.read("acme")
    assert newest is not None
    keep_refresh_tokens(stack, monkeypatch)
    stack.store.pairs.items.clear()  # as if the call had ended before it named the version
    stack.forget_memory()
    stack.clock.advance(HOUR)

    use(stack)

    assert stack.store.pairs.get("acme").version_id == newest.version_id


def test_a_pair_that_could_not_be_named_is_not_used(stack: PairStack) -> None:
    stack.store.refuse("pairs.commit", StorageUnavailable("down"))

    with pytest.raises(StorageUnavailable):
        use(stack)
    assert stack.provider.list_calls == 0

    stack.clock.advance(RETRY_AFTER)
    use(stack)
    assert stack.provider.pairs_made == 1


def test_a_pair_whose_lease_was_lost_is_not_used(stack: PairStack) -> None:
    def lose() -> None:
        stack.clock.advance(60)
        stack.store.pairs.acquire(stack.store.pairs.get("acme"), "somebody-else")

    stack.store.before["pairs.commit"].append(lose)

    with pytest.raises(MintInProgress):
        use(stack)
    assert stack.provider.list_calls == 0


def test_a_rejected_access_token_is_renewed(stack: PairStack) -> None:
    """The provider's clock may be ahead of ours."""
    token = use(stack)
    stack.provider.access_ends.clear()

    assert use(stack) != token


def test_a_provider_that_rejects_every_access_token_does_not_cause_endless_renewals(stack: PairStack) -> None:
    use(stack)
    for _ in range(3):
        stack.provider.failures["list"] = [ProviderRejectedCredentials("no") for _ in range(3)]
        with pytest.raises(ProviderRejectedCredentials):
            use(stack)
    assert stack.provider.pairs_made == 2

    stack.provider.failures["list"] = [ProviderRejectedCredentials("no")]
    stack.clock.advance(PAUSE_AFTER_REJECTION)
    use(stack)
    assert stack.provider.pairs_made == 3


def test_a_rejected_version_gives_way_to_the_newest_one(stack: PairStack) -> None:
    """A late writer has stored a pair, and has lost its lease before it could name it."""
    use(stack)
    account = stack.call().account("acme")
    old = stack.store.pairs.get("acme").version_id
    assert old is not None
    newest = stack.provider.refresh(
        account, stack.session_secrets.versions["acme"][old].refresh_token, stack.call().deadline
    )
    stack.session_secrets.write("acme", newest)
    del stack.provider.access_ends[stack.session_secrets.versions["acme"][old].access_token]

    assert use(stack) == newest.access_token
    assert stack.provider.pairs_made == 2


@pytest.mark.parametrize("restored", [True, False])
@pytest.mark.parametrize("hours", [0, 2])
def test_a_restored_or_lost_table_does_not_bring_back_a_used_refresh_token(
    stack: PairStack, hours: int, *, restored: bool
) -> None:
    use(stack)
    old = stack.store.pairs.items["acme"]
    for _ in range(3):
        stack.clock.advance(HOUR)
        use(stack)
    stack.store.pairs.items = {"acme": old} if restored else {}
    stack.forget_memory()
    stack.clock.advance(hours * HOUR)

    use(stack)

    assert stack.provider.pairs_made == (5 if restored or hours else 4)
    assert stack.store.pairs.get("acme").state is MerchantState.ACTIVE


def test_another_secret_voids_the_pair(stack: PairStack) -> None:
    use(stack)
    recover(stack)
    stack.secrets.read("acme", fresh=True)

    use(stack)

    assert stack.provider.asked_grants[-1] == stack.secrets.stored["acme"]["refreshToken"]


def test_a_refused_refresh_token_ends_the_requests_until_the_secret_changes(stack: PairStack) -> None:
    use(stack)
    stack.clock.advance(HOUR)
    lock_out(stack)
    with pytest.raises(ReauthorizationRequired):
        use(stack)
    asked = len(stack.provider.asked_grants)

    for _ in range(3):
        stack.clock.advance(HOUR)
        with pytest.raises(ReauthorizationRequired):
            use(stack)
    assert len(stack.provider.asked_grants) == asked

    recover(stack)
    use(stack)
    assert stack.store.pairs.get("acme").state is MerchantState.ACTIVE


@pytest.mark.parametrize("locked_out", [True, False])
def test_a_refusal_of_an_earlier_secret_does_not_count_for_the_new_one(stack: PairStack, *, locked_out: bool) -> None:
    """The operator has stored another secret, and this process remembers the earlier one for five minutes."""
    use(stack)
    stack.clock.advance(HOUR)
    if locked_out:
        lock_out(stack)
    recover(stack)

    use(stack)

    assert stack.store.pairs.get("acme").state is MerchantState.ACTIVE
    assert told(stack) == []


def told(stack: PairStack) -> list[tuple[object, ...]]:
    changes = [event.detail for event in stack.store.told if event.type == "MerchantStateChanged"]
    return [(each["from"], each["to"], each["reason"]) for each in changes]


def test_a_change_of_the_state_is_told_once_a_day_for_each_reason(stack: PairStack) -> None:
    for _ in range(3):
        lock_out(stack)
        with pytest.raises(ReauthorizationRequired):
            use(stack)
        recover(stack)
        use(stack)
        stack.clock.advance(HOUR)
    lost_state = ("active", "reauthorization_required", "refresh_token_refused")
    back = ("reauthorization_required", "active", "secret_changed")
    assert told(stack) == [lost_state, back]

    stack.clock.advance(DAY)
    lock_out(stack)
    with pytest.raises(ReauthorizationRequired):
        use(stack)
    assert told(stack) == [lost_state, back, lost_state]


def test_a_process_with_an_older_secret_does_not_send_its_refresh_token(stack: PairStack) -> None:
    """Shopify would end the new pair."""
    use(stack)
    other, stack.sign_ins = stack.sign_ins, stack.new_sign_ins()
    recover(stack)
    cached, stack.secrets.kept = dict(stack.secrets.kept), {}
    use(stack)
    newest = stack.session_secrets.read("acme")
    assert newest is not None
    asked = len(stack.provider.asked_grants)
    stack.secrets.kept, stack.sign_ins = cached, other
    stack.clock.advance(HOUR - RENEW_BEFORE)

    use(stack)

    assert stack.provider.asked_grants[asked:] == [newest.pair.refresh_token]


def test_an_event_that_was_left_out_follows_a_day_later(stack: PairStack) -> None:
    for _ in range(2):
        lock_out(stack)
        with pytest.raises(ReauthorizationRequired):
            use(stack)
        if not told(stack)[1:]:
            recover(stack)
            use(stack)
    assert [after for _, after, _ in told(stack)] == ["reauthorization_required", "active"]

    for _ in range(3):
        stack.clock.advance(DAY)
        maintain(stack.listing_call(), "acme", ["pair#shop"])

    assert [after for _, after, _ in told(stack)] == ["reauthorization_required", "active", "reauthorization_required"]


def test_an_access_token_that_has_always_ended_causes_two_renewals_in_one_call(stack: PairStack) -> None:
    stack.provider.lifetime = 0

    with pytest.raises(ProviderRejectedCredentials):
        use(stack)

    assert stack.provider.pairs_made <= 4


@pytest.mark.parametrize("renewals", [0, 1])
def test_a_version_or_a_new_secret_that_cannot_be_read_yet_is_waited_for(stack: PairStack, renewals: int) -> None:
    """Secrets Manager is eventually consistent. The older pair would be refused, and the merchant locked out."""
    use(stack)
    for _ in range(renewals):
        stack.clock.advance(HOUR)
        use(stack)
    versions = stack.session_secrets.versions["acme"]
    newest = versions.popitem()
    stack.forget_memory()

    with pytest.raises(StorageUnavailable):
        use(stack)
    versions.update([newest])
    use(stack)

    assert stack.provider.pairs_made == 1 + renewals


def test_a_version_that_was_removed_gives_way_to_a_newer_one(stack: PairStack) -> None:
    use(stack)
    restored = stack.store.pairs.items["acme"]
    stack.clock.advance(HOUR)
    use(stack)
    stack.store.pairs.items["acme"] = restored
    del stack.session_secrets.versions["acme"][str(restored.version_id)]
    stack.forget_memory()

    use(stack)

    assert stack.provider.pairs_made == 2


def test_a_refusal_that_could_not_be_checked_frees_the_lease(stack: PairStack) -> None:
    use(stack)
    stack.clock.advance(HOUR)
    lock_out(stack)
    stack.provider.before_refusal = lambda: setattr(stack.secrets, "failure", StorageUnavailable("down"))
    with pytest.raises(StorageUnavailable):
        use(stack)

    stack.provider.before_refusal, stack.secrets.failure = None, None
    stack.clock.advance(RETRY_AFTER)

    with pytest.raises(ReauthorizationRequired):
        use(stack)
