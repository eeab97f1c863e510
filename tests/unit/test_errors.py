"""The tree of errors and the problem documents made of it. The README's table has the statuses."""

import re

import pytest

from token_broker import errors
from token_broker.errors import BrokerError, ProviderError, ProviderFailure, ProviderReply
from token_broker.providers.shopify import refusals


def kinds(kind: type[BrokerError] = BrokerError) -> list[type[BrokerError]]:
    """Return the errors that a caller can get. The proofs' own ones stay inside the authorizer."""
    below = [each for each in kind.__subclasses__() if each.__module__.startswith("token_broker.")]
    own = [] if kind in (BrokerError, ProviderFailure) else [kind]
    return own + [one for each in below for one in kinds(each)]


KINDS = sorted(kinds(), key=lambda kind: kind.__name__)
SHOPIFYS = {kind.__name__ for kind in KINDS if kind.__module__ == refusals.__name__}

#: What happened is the same each time.
DETAILS: dict[type[BrokerError], str] = {
    errors.SessionClosed: "This session has expired. Restart the checkout from your platform.",
    errors.MintInProgress: "Another request is minting this token right now. Try again in a second.",
    errors.RateLimited: (
        "This merchant has used up its own limit of new tokens for now. Other merchants are not affected. "
        "Try again in 1 s."
    ),
}


def made(kind: type[BrokerError]) -> BrokerError:
    if kind is errors.RateLimited:
        return errors.RateLimited(1)
    return kind() if kind in (errors.SessionClosed, errors.MintInProgress) else kind("What happened.")


@pytest.mark.parametrize("kind", KINDS)
def test_an_errors_class_is_named_after_its_code(kind: type[BrokerError]) -> None:
    """A state machine catches a failed direct invocation by this name."""
    assert kind.__name__ == "".join(word.capitalize() for word in kind.code.split("_"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_problem_document_has_exactly_these_members(kind: type[BrokerError]) -> None:
    error = made(kind)

    assert error.problem("request-1") == {
        "type": f"urn:token-broker:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": error.detail,
        "code": kind.code,
        "requestId": "request-1",
        "retryable": kind.retryable,
    }


RETRYABLE = {"mint_in_progress", "provider_throttled", "provider_unavailable", "rate_limited", "storage_unavailable"}
#: What lasts until somebody acts. The first affect all work for the merchant.
AFFECTING_ALL = {
    *("merchant_not_found", "merchant_misconfigured", "provider_rejected_credentials", "non_expiring_token_refused"),
    *("invalid_client", "shop_not_permitted", "app_not_installed", "address_not_allowed", "reauthorization_required"),
    *("shop_unavailable", "provider_not_configured"),
}
PERMANENT = {*AFFECTING_ALL, "conflict", "app_not_eligible", "scope_not_approved", "permanent_token_refused"}


def test_callers_and_the_worker_know_what_passes_and_what_lasts_until_somebody_acts() -> None:
    assert {kind.code for kind in KINDS if kind.retryable} == RETRYABLE
    assert {kind.code for kind in KINDS if kind.affects_all} == AFFECTING_ALL
    assert {kind.code for kind in KINDS if kind.permanent} == PERMANENT


def test_what_the_provider_said_is_one_more_member_and_what_it_did_not_say_is_left_out() -> None:
    assert ProviderError("x", reply=ProviderReply(400, "A", "words")).problem("r")["provider"] == {
        "status": 400,
        "code": "A",
        "message": "words",
    }
    assert ProviderError("x", reply=ProviderReply(500)).problem("r")["provider"] == {"status": 500}
    assert "provider" not in ProviderError("x", reply=ProviderReply()).problem("r")
    assert "provider" not in ProviderError("x").problem("r")


@pytest.mark.parametrize(("seconds", "header"), [(0, "1"), (0.1, "1"), (1, "1"), (1.01, "2"), (2.0, "2"), (59.5, "60")])
def test_retry_after_is_rounded_up_to_whole_seconds(seconds: float, header: str) -> None:
    """A caller must never come too early."""
    error = errors.ProviderThrottled("Slow down.", retry_after=seconds)

    assert errors.response_headers(error) == {"Retry-After": header}


@pytest.mark.parametrize("kind", KINDS)
def test_an_errors_detail_is_what_happened_and_says_when_to_come_again(kind: type[BrokerError]) -> None:
    """There is no `Retry-After` where waiting does not help."""
    error = made(kind)

    assert error.detail == str(error) == DETAILS.get(kind, "What happened.")
    own = kind in (errors.MintInProgress, errors.RateLimited, errors.StorageUnavailable)
    assert errors.response_headers(error) == ({"Retry-After": "1"} if own else {})


def test_a_providers_refusal_is_taken_for_nothing_done_unless_it_is_said_otherwise() -> None:
    assert ProviderFailure("x").request_outcome is errors.RequestOutcome.NOT_APPLIED


def test_the_tree_in_the_modules_head_is_the_tree() -> None:
    drawn = set(re.findall(r"[├└]── ([A-Z]\w+)", errors.__doc__ or ""))

    assert drawn - {"ProviderFailure"} == {kind.__name__ for kind in KINDS} - SHOPIFYS
