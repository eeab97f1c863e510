"""Reading what a provider answered: nothing is believed unchecked, nothing is quoted."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.samples import minted
from tests.fakes.transport import answer, json_answer
from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderReply,
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
)
from token_broker.http import responses
from token_broker.http.client import error_from_status

NOW = 1_800_000_000.0
CANARY = "sk_live_canary"


@pytest.mark.parametrize("value", ["t", "ptkn_abc", "~!", "x" * responses.TOKEN_LIMIT])
def test_a_token_is_visible_ascii(value: str) -> None:
    assert responses.token_value({"token": value}, "token") == value


@pytest.mark.parametrize(
    "value",
    [None, "", 1, True, ["t"], {}, "x" * (responses.TOKEN_LIMIT + 1), "x" * 1024 * 1024]
    + [f"{CANARY}{bad}" for bad in (" ", "\n", "\x00", "\x7f", "é", "\u200b", "\ud800")],
)
def test_anything_else_is_no_token_and_is_not_quoted(value: Any) -> None:
    with pytest.raises(ProviderError) as refused:
        responses.token_value({"token": value}, "token")

    assert refused.value.request_outcome is RequestOutcome.UNKNOWN
    assert CANARY not in refused.value.detail
    assert len(refused.value.detail) < 200


@pytest.mark.parametrize("said", [None, [], "x", 1, {}, {"data": None}, {"data": []}, {"data": "x"}, {"other": {}}])
def test_an_answer_without_its_object_makes_no_sense(said: Any) -> None:
    assert responses.require_object({"data": {"a": 1}}, "data") == {"a": 1}
    with pytest.raises(ProviderError, match="no object 'data'"):
        responses.require_object(said, "data")


@pytest.mark.parametrize(("value", "read"), [(None, None), ("", None), ("é 😀", "é 😀")])
def test_a_text_may_be_missing(value: str | None, read: str | None) -> None:
    assert responses.optional_text({"t": value}, "t") == read
    assert responses.optional_text({}, "t") is None


@pytest.mark.parametrize(("length", "longest"), [(responses.TEXT_LIMIT, responses.TEXT_LIMIT), (5, 5)])
def test_a_text_has_a_length_that_can_be_kept(length: int, longest: int) -> None:
    assert responses.optional_text({"t": "x" * length}, "t", longest=longest) == "x" * length
    with pytest.raises(ProviderError):
        responses.optional_text({"t": "x" * (length + 1)}, "t", longest=longest)


@pytest.mark.parametrize("value", [None, 1, 10**15 - 1])
def test_a_number_of_seconds_may_be_missing(value: int | None) -> None:
    assert responses.optional_seconds({"n": value}, "n") == value
    assert responses.optional_seconds({}, "n") is None


NO_TEXTS: tuple[Any, ...] = (1, True, [], {}, "a\nb", "\x00")
NO_SECONDS: tuple[Any, ...] = (0, -1, 10**15, True, False, 1.5, 3600.0, "3600", "", [], {})


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((responses.optional_text, value) for value in NO_TEXTS),
        *((responses.optional_seconds, value) for value in NO_SECONDS),
    ],
)
def test_a_value_of_another_kind_makes_no_sense(read: Callable[[Any, str], object], value: Any) -> None:
    with pytest.raises(ProviderError):
        read({"n": value}, "n")


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ({"expiresAt": int(NOW) + 3600}, NOW + 3600),
        ({"expiresAt": int(NOW) + 1}, NOW + 1),
        ({"expiresAt": int(NOW) + 60, "expiresIn": 3600}, NOW + 60),
        ({"expiresIn": 3600}, NOW + 3600),
        ({"expiresIn": 10_000}, NOW + 10_000),
        ({}, None),
    ],
)
def test_expires_at_counts_before_expires_in(given: dict[str, Any], ends: float | None) -> None:
    assert responses.expiry(given, NOW + 0.5, longest=10_000) == ends


@pytest.mark.parametrize(
    "given",
    [
        {"expiresAt": int(NOW)},
        {"expiresAt": int(NOW) - 1},
        {"expiresAt": 1},
        {"expiresAt": int(NOW) * 1000},
        {"expiresAt": int(NOW) + 10_001},
        {"expiresIn": 10_001},
        {"expiresIn": 10**30},
        {"expiresAt": str(int(NOW) + 60)},
        {"expiresAt": NOW + 60},
        {"expiresAt": True},
        {"expiresAt": [int(NOW) + 60]},
        {"expiresAt": int(NOW) + 60, "expiresIn": "3600"},
    ],
)
def test_an_end_that_has_passed_or_cannot_be_one_makes_no_sense(given: dict[str, Any]) -> None:
    with pytest.raises(ProviderError) as refused:
        responses.expiry(given, NOW, longest=10_000)

    assert refused.value.request_outcome is RequestOutcome.UNKNOWN


UNKNOWN, NOT_APPLIED = RequestOutcome.UNKNOWN, RequestOutcome.NOT_APPLIED


@pytest.mark.parametrize(
    ("statuses", "kind", "request_outcome", "words"),
    [
        ((200, 204, 299), ProviderError, UNKNOWN, "success status"),
        ((300, 301, 399), ProviderError, NOT_APPLIED, "redirect"),
        ((400, 404, 422), ProviderError, NOT_APPLIED, "rejected the request"),
        ((401, 403), ProviderRejectedCredentials, NOT_APPLIED, "valid credentials"),
        ((408, 425, 500, 503), ProviderUnavailable, UNKNOWN, "failed"),
        ((429,), ProviderThrottled, NOT_APPLIED, "rate"),
    ],
)
def test_every_status_has_a_meaning_and_an_outcome(
    statuses: tuple[int, ...], kind: type[ProviderFailure], request_outcome: RequestOutcome, words: str
) -> None:
    for status in statuses:
        failure = error_from_status(answer(status), ProviderReply(status, "CODE", "words"))

        assert type(failure) is kind
        assert failure.request_outcome is request_outcome
        assert words in failure.detail
        assert failure.problem("r")["provider"] == {"status": status, "code": "CODE", "message": "words"}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "seconds"), [("2.5", 2.5), ("", 1), ("0", 1)])
def test_a_passing_failure_says_when_to_come_again(status: int, header: str, seconds: float) -> None:
    assert error_from_status(answer(status, retry_after=header), ProviderReply(status)).retry_after == seconds


@pytest.mark.parametrize(
    ("said", "provider"),
    [
        ({"code": "A", "message": "m"}, {"status": 400, "code": "A", "message": "m"}),
        ({"code": "A"}, {"status": 400, "code": "A"}),
        ({"message": "m"}, {"status": 400, "message": "m"}),
        ({"code": 7, "message": ["m"]}, {"status": 400}),
        ([], {"status": 400}),
        (None, {"status": 400}),
    ],
)
def test_a_refusal_passes_the_providers_words_on(said: Any, provider: dict[str, Any]) -> None:
    assert responses.reply_of(json_answer(400, said), ()).as_json() == provider


def test_a_refusal_that_repeats_the_secret_is_cleared_of_it() -> None:
    said = json_answer(401, {"code": f"BAD {CANARY}", "message": f"{CANARY} is wrong\n" + "x " * 500})

    reply = str(responses.reply_of(said, (CANARY,)))

    assert CANARY not in reply
    assert len(reply) < 500


@pytest.mark.parametrize("hidden", ["value-of-the-token", "value-of-a-secret", "VALUE-OF-A-SECRET"])
@pytest.mark.parametrize(
    "leak",
    [
        lambda hidden: {"token_id": hidden},
        lambda hidden: {"token_type": f"a {hidden}"},
        lambda hidden: {"scope": ("read", hidden)},
        lambda hidden: {"provider_data": {"id": f"x{hidden}"}},
    ],
)
def test_a_value_that_stands_where_a_name_should_be_makes_no_sense(
    leak: Callable[[str], dict[str, Any]], hidden: str
) -> None:
    with pytest.raises(ProviderError) as refused:
        responses.reject_leaked_credentials(
            minted(access_token="value-of-the-token", **leak(hidden)), ("value-of-a-secret",)
        )

    assert refused.value.request_outcome is RequestOutcome.UNKNOWN
    assert hidden not in repr(refused.value)


def test_a_value_in_a_title_is_blotted_out() -> None:
    said = minted(access_token="value-of-the-token", title="My value-of-the-token and Secret-1 [tb:x:y]")

    assert responses.reject_leaked_credentials(said, ("secret-1",)).title == "My [redacted] and [redacted] [tb:x:y]"


def test_a_token_that_is_one_of_the_merchants_secrets_is_not_handed_out() -> None:
    with pytest.raises(ProviderError, match="one of the merchant's own secrets"):
        responses.reject_leaked_credentials(minted(access_token="pw"), ("user", "pw"))


def test_a_short_value_may_stand_in_a_name_by_chance() -> None:
    said = minted(access_token="token", token_id="token-1", title="token")

    assert responses.reject_leaked_credentials(said, ("read",)) is said
