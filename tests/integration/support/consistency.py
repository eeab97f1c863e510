"""Compare the table with the providers' own state, so that no record is lost and none is invented."""

from typing import Any

from tests.integration.support.in_process_stack import Stack
from tests.providers import LiveToken, providers
from token_broker.aws.store.records import PAIR
from token_broker.domain.token import fingerprint
from token_broker.tokens.sign_in import RETRY_AFTER

_ALIVE = ("current", "standing", "retiring")


def assert_agreement(stack: Stack) -> None:
    """Compare tokens, records and pairs, and find that nobody holds a lease."""
    items, state = stack.items(), stack.control.state()
    now = stack.clock.now()
    # After a failed renewal, the lease ends a little later, which limits the requests.
    held = [
        each for each in items if "owner" in each and each["leaseEnd"] > now + (RETRY_AFTER if _is_pair(each) else 0)
    ]
    assert held == [], "a lease is still held"
    assert_nothing_lost(items, state)
    assert_nothing_invented(items, state)
    assert_pairs_kept(stack, items, state)


def assert_pairs_kept(stack: Stack, items: list[dict[str, Any]], state: dict[str, Any]) -> None:
    """Each pair item names a version of the session secret, and that version has the refresh token that works."""
    for item in filter(_is_pair, items):
        provider, _, merchant = item["pk"].partition("#")
        pair = state[provider][merchant].get("pair")
        if "versionId" not in item or "state" in item or pair is None:
            continue  # there is no pair yet, or none any more
        versions = {each["versionId"]: each["refreshToken"] for each in stack.sessions()[f"{provider}/{merchant}"]}
        assert fingerprint(versions[item["versionId"]]) == pair["refreshFingerprint"], f"the pair of {merchant} is lost"


def _is_pair(item: dict[str, Any]) -> bool:
    return bool(item["sk"] == PAIR)


def _live_tokens(state: dict[str, Any]) -> list[LiveToken]:
    return [
        token
        for provider, tested in providers().items()
        for merchant, account in state[provider].items()
        for token in tested.live_tokens(merchant, account)
    ]


def assert_nothing_lost(items: list[dict[str, Any]], state: dict[str, Any]) -> None:
    """Each live token that we made has a record, or an open intent that leads to it."""
    records = {item["fingerprint"] for item in items if item["sk"].startswith("token#")}
    intents = {item["intentId"] for item in items if "intentId" in item}
    open_subjects = {item["pk"] for item in items if "intentId" in item}
    for token in _live_tokens(state):
        known = token.foreign or token.fingerprint in records or token.creation in intents | open_subjects
        assert known, f"the token {token.fingerprint} has neither record nor intent"


def assert_nothing_invented(items: list[dict[str, Any]], state: dict[str, Any]) -> None:
    """Each record that may be served is of a token that the provider has; so is each current token."""
    there = {token.fingerprint for token in _live_tokens(state)}
    records = {item["fingerprint"] for item in items if item.get("state") in _ALIVE}
    served = {item["current"]["fingerprint"] for item in items if "current" in item}
    assert records <= there, "a record is of a token that the provider doesn't have"
    assert served <= records, "a token is served that has no live record"
