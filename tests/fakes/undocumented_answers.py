"""Answers that a provider could send and does not document: Hypothesis' strategies.

Where a text stands in an answer, it may repeat what must not come out: the credentials that the provider was sent, and
the token that the same answer brings.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fakes.clock import MovableClock
from tests.fakes.transport import Sent
from token_broker.http.client import (
    HttpResponse,
    Interrupted,
    Request,
    TimedOut,
    TooLarge,
    TransportFailure,
    Unreachable,
)

#: Beyond what any provider's number of digits is, and Python's own limit for reading an integer.
_HUGE = (10**15, 10**19, 10**40, -(10**40), 2**63, -(2**63), 10**4290)
_RAW_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-0", "1e-999", "9" * 5000, "0.1", "1.0")
_TEXTS = ("", " ", "null", "true", "0", "-1", "\x00", "a\nb", "é", "\u200b", "\ud800", "😀", "x" * 1025, "x" * 8193)
#: What is put in place of a token's value: a canary that its test looks for.
ECHO = "$token$"

_ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-7")
_RETRY_AFTER = (
    *("", "0", "-1", "1", "2.5", "3600", "86400", "86401", "1e999", "nan", "inf", "-inf", "1_0", "٣", "0x10", " 7 "),
    *("Wed, 21 Oct 2035 07:28:00 GMT", "soon", "9" * 400),
)
_TIMES = ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1969-12-31T00:00:00Z", "2025-W01-1")
_TYPES = ("application/json", "text/html; charset=utf-16", "application/json; charset=nonsense", "", "\x80")
_STATUSES = (
    *(200, 201, 200, 201, 202, 204, 206, 226, 299, 300, 301, 302, 304, 307, 308, 400, 401, 402, 403, 404, 405, 408),
    *(409, 410, 418, 421, 422, 423, 425, 429, 451, 499, 500, 501, 502, 503, 504, 520, 599, 600, 999),
)


def spellings(secret: str) -> list[str]:
    """Draw a credential as a response may quote it."""
    encoded = base64.b64encode(secret.encode()).decode()
    return [secret, quote(secret, safe=""), encoded, secret.upper(), f"'{secret}'", f"{secret}{secret}"]


def texts(secrets: Sequence[str]) -> SearchStrategy[str]:
    """Any text; many with a credential in them."""
    quoted = [ECHO, *secrets, ECHO, *secrets, *(form for secret in secrets for form in spellings(secret))]
    return st.one_of(
        st.sampled_from(_TEXTS + _TIMES),
        st.text(max_size=12),
        st.sampled_from(quoted),
        st.sampled_from(quoted),
        st.sampled_from(quoted).map(lambda said: f"no, {said} is wrong"),
    )


def values(secrets: Sequence[str]) -> SearchStrategy[Any]:
    """Any JSON value."""
    text = texts(secrets)
    single = st.one_of(text, text, st.sampled_from((None, True, False, *_HUGE)), st.integers(-2, 2), st.floats())
    return st.one_of(
        single,
        single,
        text,
        st.lists(single, max_size=2),
        st.dictionaries(text, single, max_size=2),
        st.builds(lambda name, inner: {name: [{name: [[inner]]}]}, text, single),
    )


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all values in a value, its own first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(location for name, each in inner for location in _places(each, (*path, name)))]


def _bent(value: Any, path: Sequence[str | int], change: Callable[[Any, Any], None]) -> Any:
    """Return a copy that is changed at the path."""
    holder = {"": json.loads(json.dumps(value))}
    at: Any = holder
    for name in ("", *path)[:-1]:
        at = at[name]
    change(at, ("", *path)[-1])
    return holder.get("")


@st.composite
def bent(draw: Callable[[SearchStrategy[Any]], Any], honest: Any, secrets: Sequence[str]) -> Any:
    """Draw a valid value of which up to three parts are missing, repeated, or of another kind."""
    value = honest
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 2, 3)))):
        path = draw(st.sampled_from(_places(value)))
        how = draw(st.sampled_from(("missing", "strange", "strange", "strange", "strange")))
        strange = None if how == "missing" else draw(values(secrets))

        def change(holder: Any, name: Any, how: str = how, strange: Any = strange) -> None:
            if how == "missing":
                del holder[name]
            else:
                holder[name] = strange

        value = _bent(value, path, change)
    return value


def _twice(text: str) -> str:
    """Return the members of an object, given twice."""
    return f"{text[:-1]},{text[1:]}" if text.startswith("{") and len(text) > 2 else text


@st.composite
def bodies(
    draw: Callable[[SearchStrategy[Any]], Any], honest: Sequence[Any], secrets: Sequence[str], token: str
) -> bytes:
    """Draw the bytes of any response."""
    how = draw(st.sampled_from((*["json"] * 8, "raw", "cut", "twice", "number", "encoded", "deep")))
    if how == "raw":
        known = st.sampled_from((b"", b"null", b"<html>", b"\xff\xfe", b"[]"))
        return bytes(draw(st.one_of(st.binary(max_size=40), known)))
    if how == "deep":
        return b'{"a":' * 20_000
    text = json.dumps(draw(bent(draw(st.sampled_from(honest)), secrets))).replace(ECHO, token)
    match how:
        case "cut":
            return text[: draw(st.integers(0, len(text)))].encode()
        case "number":
            text = text.replace("1003304090", draw(st.sampled_from(_RAW_NUMBERS)))
        case "twice":
            text = _twice(text)
    return text.encode(draw(st.sampled_from(_ENCODINGS)) if how == "encoded" else "utf-8")


def headers(secrets: Sequence[str]) -> SearchStrategy[dict[str, str]]:
    """Header names in lower case, as `HttpResponse` has them."""
    said = texts(secrets).map(lambda text: text.replace(ECHO, "echo"))
    known: dict[str, SearchStrategy[str]] = {
        "retry-after": st.sampled_from(_RETRY_AFTER),
        "content-type": st.sampled_from(_TYPES),
        "location": said,
        "content-length": st.sampled_from(("0", "-1", "999999999")),
        "x-shopify-api-version": st.one_of(said, st.just("2026-10")),
        "x-shopify-api-deprecated-reason": said,
    }
    return st.fixed_dictionaries({}, optional=known)


@dataclass(frozen=True)
class Played:
    """One exchange: what comes, and which part of the time that it may take it takes."""

    said: HttpResponse | TransportFailure
    part: float


def exchanges(honest: Sequence[Any], secrets: Sequence[str], token: str) -> SearchStrategy[Played]:
    """Answers and broken connections, quick and slow. `honest` are documented bodies; `token` stands for the echo."""
    answers = st.builds(
        HttpResponse,
        st.one_of(st.sampled_from((200, 201, 201)), st.sampled_from(_STATUSES)),
        headers(secrets),
        bodies(honest, secrets, token),
    )
    broken = st.sampled_from([kind("It broke.") for kind in (Unreachable, Interrupted, TimedOut, TooLarge)])
    said: SearchStrategy[HttpResponse | TransportFailure] = st.one_of(answers, answers, answers, answers, broken)
    return st.builds(Played, said, st.sampled_from((0.0, 0.01, 0.5, 1.0)))


class PlayingTransport:
    """Plays exchanges in their order, again from the first, and holds each to the time that is left."""

    def __init__(self, clock: MovableClock, until: float, *played: Played) -> None:
        self._clock, self._until, self._played = clock, until, played
        self.sent: list[Sent] = []

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        whole = connect_timeout + read_timeout
        assert connect_timeout > 0
        assert read_timeout > 0
        assert self._clock.monotonic() + whole <= self._until + 1e-6, "an exchange may outlive its deadline"
        played = self._played[len(self.sent) % len(self._played)]
        self.sent.append(Sent(request, connect_timeout, read_timeout, body_limit))
        self._clock.advance(whole * played.part)
        if isinstance(played.said, TransportFailure):
            raise played.said
        return played.said
