"""After a provider's 401 the secret is read again, derived credentials are dropped, and the call is tried once more."""

from collections.abc import Callable

import pytest

from tests.fakes.provider import ScriptedProvider, down
from tests.fakes.surroundings import Surroundings, session_stack
from token_broker.errors import MerchantMisconfigured, ProviderRejectedCredentials, ProviderUnavailable
from token_broker.ports.provider import Account

type Stack = Surroundings[ScriptedProvider]


class Operation:
    """An operation that fails until the account has the working key. `asked` has the keys it was tried with."""

    def __init__(self, working: str, failure: Callable[[], Exception]) -> None:
        self.working, self.failure = working, failure
        self.asked: list[str] = []

    def __call__(self, account: Account) -> None:
        self.asked.append(account.credentials["key"])
        if self.asked[-1] != self.working:
            raise self.failure()


def rejected() -> ProviderRejectedCredentials:
    return ProviderRejectedCredentials("No.")


@pytest.fixture
def stack() -> Stack:
    return session_stack()


def test_a_changed_secret_works_at_once_and_what_was_bought_with_the_old_one_is_thrown_away(stack: Stack) -> None:
    call, operation = stack.call(), Operation("second-key", rejected)
    call.account("acme")
    stack.secrets.stored["acme"] = {"key": "second-key"}

    call.with_credential_refresh("acme", operation)

    assert operation.asked == ["first-key", "second-key"]
    assert stack.secrets.fresh_reads == 1
    assert [account.credentials["key"] for account in stack.provider.forgotten] == ["first-key"]


def test_a_second_refusal_is_final(stack: Stack) -> None:
    operation = Operation("", rejected)

    with pytest.raises(ProviderRejectedCredentials):
        stack.call().with_credential_refresh("acme", operation)

    assert (len(operation.asked), stack.secrets.fresh_reads) == (2, 1)


def test_no_other_failure_reads_the_secret_afresh(stack: Stack) -> None:
    with pytest.raises(ProviderUnavailable):
        stack.call().with_credential_refresh("acme", Operation("", down))

    assert stack.secrets.reads == [("acme", False)]
    assert stack.provider.forgotten == []


def test_a_broken_secret_is_read_afresh_just_once_and_works_once_it_was_put_right(stack: Stack) -> None:
    stack.secrets.stored["acme"] = {}
    call = stack.call()
    with pytest.raises(MerchantMisconfigured):
        call.account("acme")
    assert stack.secrets.fresh_reads == 1

    stack.secrets.stored["acme"] = {"key": "fixed"}

    assert call.account("acme").credentials["key"] == "fixed"


def test_a_secret_that_was_broken_while_it_was_refused_is_said_to_be_and_read_just_once_more(stack: Stack) -> None:
    operation = Operation("", rejected)
    call = stack.call()
    call.account("acme")
    stack.secrets.stored["acme"] = {}

    with pytest.raises(MerchantMisconfigured):
        call.with_credential_refresh("acme", operation)

    assert (len(operation.asked), stack.secrets.fresh_reads) == (1, 1)
