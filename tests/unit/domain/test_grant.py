"""What an authorizer passes on, and the function's half of the decision: merchant, session, scopes, time."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import token
from tests.fakes.trust_policies import parse, policy, sessions
from token_broker.domain.grant import CLOCK_SKEW, Grant
from token_broker.errors import Forbidden, InvalidRequest, Unauthenticated
from token_broker.storefronts.addresses import ORIGIN_LIMIT

SHOP = "https://shop.example"
PAGE = Grant(merchant="acme", origins=(SHOP, "http://localhost:3000"))
SESSION = Grant(
    merchant="acme", origins=(SHOP,), session_id="s-1", expires_at=int(NOW), scopes=("wallet.read", "merchant.read")
)
CLIENT = Grant(merchant="acme", client_until=int(NOW))


def context(**changes: Any) -> dict[str, Any]:
    """Build a session's context without the members that are None."""
    return {name: value for name, value in {**SESSION.as_context(), **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "grant", [PAGE, SESSION, CLIENT, Grant(merchant="acme")], ids=["page", "session", "client", "no origin"]
)
def test_a_grant_comes_back_as_it_was_passed_on(grant: Grant) -> None:
    assert Grant.from_context(grant.as_context()) == grant


@pytest.mark.parametrize("session_id", ["a b", " s ", "ü😀", "a/../b", "https://shop.example s", '"'])
def test_a_sessions_name_is_passed_on_as_it_is(session_id: str) -> None:
    assert Grant.from_context(context(sessionId=session_id)).session_id == session_id


def test_a_context_holds_texts_alone_as_api_gateway_carries_nothing_else() -> None:
    assert SESSION.as_context() == {
        "merchant": "acme",
        "origins": SHOP,
        "sessionId": "s-1",
        "expiresAt": str(int(NOW)),
        "scopes": "wallet.read merchant.read",
    }
    assert set(PAGE.as_context()) == {"merchant", "origins"}


def test_the_largest_policy_and_session_fit_into_an_authorizers_answer() -> None:
    """API Gateway has 8 KB for it; the resource and the rest take far less than one."""
    hosts = ("a" * 60, "b" * 52)
    largest = policy(
        origins=[f"https://{'.'.join(hosts)}{number:02}.shop" for number in range(15)],
        sessions=sessions(scopes=[f"{number:0100}" for number in range(20)]),
    )
    parsed = parse(largest)
    assert parsed.sessions is not None
    assert {len(origin) for origin in parsed.origins} == {ORIGIN_LIMIT}
    for less in ("origins", "scopes"):
        too_many = json.loads(json.dumps(largest))
        (too_many if less == "origins" else too_many["sessions"])[less].append("https://one-more.example")
        with pytest.raises(InvalidRequest, match=less):
            parse(too_many)

    grant = Grant(
        merchant="m" * 63,
        origins=parsed.origins[:1],
        session_id="😀" * 256,
        expires_at=int(NOW),
        scopes=parsed.sessions.scopes,
    )

    assert len(json.dumps(grant.as_context(), ensure_ascii=False).encode()) < 4 * 1024


def test_what_the_gateway_adds_to_a_context_changes_nothing() -> None:
    more = {"principalId": "storefront", "integrationLatency": 12}

    assert Grant.from_context({**SESSION.as_context(), **more}) == SESSION


@pytest.mark.parametrize(
    "given", [None, {}, [], "merchant", 7, {"merchant": None}, {"merchant": 7}, {"Merchant": "acme"}]
)
def test_a_context_without_a_merchant_is_nobodys(given: Any) -> None:
    with pytest.raises(Unauthenticated):
        Grant.from_context(given)


@pytest.mark.parametrize("origins", [None, "", "  ", 7, [SHOP]])
def test_a_context_without_origins_opens_to_no_page(origins: Any) -> None:
    assert Grant.from_context(context(origins=origins)).origins == ()


#: Each of these makes a session nobody's.
ODD: dict[str, tuple[Any, ...]] = {
    "sessionId": (7, ["s-1"]),
    "expiresAt": (None, "", "None", "-1", "1.8e9", " 1800000000", True),
    "scopes": (None, 7, ["wallet.read"]),
}


@pytest.mark.parametrize("changes", [{name: value} for name, values in ODD.items() for value in values], ids=str)
def test_a_session_of_which_something_is_missing_or_odd_is_nobodys(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        Grant.from_context(context(**changes))


@pytest.mark.parametrize("lost", [("sessionId",), ("sessionId", "expiresAt"), ("sessionId", "scopes")], ids=str)
def test_a_session_that_lost_its_name_does_not_become_a_shops_page(lost: tuple[str, ...]) -> None:
    with pytest.raises(Unauthenticated):
        Grant.from_context(context(**dict.fromkeys(lost)))


def test_a_proof_is_good_for_its_session_with_all_some_or_no_scopes_named_and_a_page_for_its_shop() -> None:
    PAGE.check_shop("acme", NOW)
    CLIENT.check_shop("acme", NOW)
    for scope in (None, ("wallet.read",), ("merchant.read", "wallet.read")):
        SESSION.check_session("acme", "s-1", scope, NOW)


@pytest.mark.parametrize("merchant", ["other", "acm", "acme-2", "ACME", ""])
@pytest.mark.parametrize(
    "check",
    [
        PAGE.check_merchant,
        lambda merchant: PAGE.check_shop(merchant, NOW),
        lambda merchant: CLIENT.check_shop(merchant, NOW),
        lambda merchant: SESSION.check_session(merchant, "s-1", None, NOW),
    ],
    ids=["merchant", "shop", "client", "session"],
)
def test_nothing_is_granted_of_another_merchant(check: Callable[[str], None], merchant: str) -> None:
    with pytest.raises(Forbidden):
        check(merchant)


def test_a_proof_does_not_open_the_shops_tokens_and_a_page_without_a_proof_gets_no_session() -> None:
    with pytest.raises(Forbidden):
        SESSION.check_shop("acme", NOW)
    for grant in (PAGE, CLIENT):
        with pytest.raises(Forbidden):
            grant.check_session("acme", "s-1", None, NOW)


@pytest.mark.parametrize("session_id", ["s-2", "s-1 ", "S-1", "s", ""])
def test_a_proof_is_good_for_no_other_session(session_id: str) -> None:
    with pytest.raises(Forbidden, match="another session"):
        SESSION.check_session("acme", session_id, None, NOW)


@pytest.mark.parametrize(
    "scope", [("admin",), ("wallet.read", "admin"), ("wallet",), ("Wallet.read",), ("wallet.read merchant.read",)]
)
def test_scopes_beyond_the_policy_are_refused_and_not_trimmed(scope: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden, match="scopes"):
        SESSION.check_session("acme", "s-1", scope, NOW)


@pytest.mark.parametrize("changes", [{"clientUntil": each} for each in ("", "x", "-1", "1.8e9", 7.5, True)], ids=str)
def test_a_client_whose_end_is_odd_is_nobody(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        Grant.from_context({**CLIENT.as_context(), **changes})


@pytest.mark.parametrize("mixed", [SESSION.as_context(), {"scopes": "wallet.read"}, {"expiresAt": "1"}], ids=str)
def test_who_would_be_a_client_and_a_session_is_nobody(mixed: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        Grant.from_context({**CLIENT.as_context(), **mixed})


@pytest.mark.parametrize("late", [-1, 0, CLOCK_SKEW - 1, CLOCK_SKEW - 0.001])
def test_a_proof_counts_until_its_end_and_the_clocks_difference(late: float) -> None:
    SESSION.check_session("acme", "s-1", None, NOW + late)
    CLIENT.check_shop("acme", NOW + late)


@pytest.mark.parametrize("late", [CLOCK_SKEW, CLOCK_SKEW + 1, 3600])
def test_a_proof_that_ended_while_the_gateway_kept_its_answer_counts_no_more(late: float) -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        SESSION.check_session("acme", "s-1", None, NOW + late)
    with pytest.raises(Unauthenticated, match="expired"):
        CLIENT.check_shop("acme", NOW + late)


READ, MORE = ("wallet.read",), ("wallet.read", "admin")


@pytest.mark.parametrize(
    ("granted", "requested", "handed_over"),
    [
        (READ, ("admin",), True),
        (("merchant.read", "wallet.read"), ("admin",), True),
        (("admin",), READ, False),
        (MORE, READ, False),
        ((), READ, True),
        ((), MORE, False),
        ((), None, False),
    ],
)
def test_a_token_within_the_policys_scopes_is_handed_over(
    granted: tuple[str, ...], requested: tuple[str, ...] | None, *, handed_over: bool
) -> None:
    """What a provider leaves out was granted as asked (RFC 6749, 5.1)."""
    with nullcontext() if handed_over else pytest.raises(Forbidden):
        SESSION.check_token(token(scope=granted, requested_scope=requested))


@pytest.mark.parametrize(
    "check",
    [
        lambda: SESSION.check_merchant("victim"),
        lambda: SESSION.check_session("acme", "s-9", None, NOW),
        lambda: SESSION.check_session("acme", "s-1", ("admin",), NOW),
        lambda: SESSION.check_token(token(scope=("admin",))),
    ],
    ids=["merchant", "session", "scopes", "token"],
)
def test_a_refusal_names_neither_merchant_nor_session_nor_scope(check: Callable[[], None]) -> None:
    """What a storefront may do is the merchant's business."""
    with pytest.raises(Forbidden) as refused:
        check()

    assert not [word for word in ("acme", "victim", "s-1", "s-9", "admin", "wallet") if word in refused.value.detail]
