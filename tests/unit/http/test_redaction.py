"""What may be repeated of a provider's words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from token_broker.http.redaction import MESSAGE_LIMIT, REDACTED, printable, redact


@pytest.mark.parametrize(
    "secret",
    [
        *("shpat_0123456789abcdef", "shpss_x", "shpca_A1", "ptkn_abc", "Basic dXNlcjpwYXNz", "Bearer abc.def"),
        *("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9", "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM", "0123456789abcdef0123"),
        *("378d95641257a4ab3feff967ee234f4d", "dGhpcyBpcyBhIHZlcnkgbG9uZyBjcmVkZW50aWFs", "a" * 32),
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    ],
)
def test_what_has_the_shape_of_a_secret_is_taken_out(secret: str) -> None:
    said = redact(f"The token {secret} is not valid")

    assert secret not in said
    assert said == f"The token {REDACTED} is not valid"


@pytest.mark.parametrize(
    "words",
    [
        "Api permission exceeds public access token limit of: 100",
        "[API] Invalid API key or access token (unrecognized login or wrong password)",
        "App must be extendable to create a storefront access token.",
        "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
        "title: can't be blank",
        "INVALID_INPUT",
    ],
)
def test_the_providers_documented_sentences_stay(words: str) -> None:
    assert redact(words) == words


@pytest.mark.parametrize(
    "spelling", ['p/w d+1"', "p%2Fw%20d%2B1%22", "p%2Fw+d%2B1%22", 'p/w d+1\\"', "cC93IGQrMSI=", "cC93IGQrMSI"]
)
def test_a_secret_is_taken_out_in_each_of_its_spellings(spelling: str) -> None:
    """A provider quotes a URL, a form, JSON or a header back."""
    assert redact(f"not {spelling} here", ('p/w d+1"',)) == f"not {REDACTED} here"


@pytest.mark.parametrize(
    ("said", "secrets", "shown"),
    [
        ("no user hunter2 with pass", ("hunter2", "pass"), f"no user {REDACTED} with {REDACTED}"),
        ("it was my-user-1", ("user", "my-user-1", "user-1"), f"it was {REDACTED}"),
        ("words", ("",), "words"),
        ("Invalid JSON in request body", ("in", "k", ""), "Invalid JSON in request body"),
    ],
)
def test_the_accounts_own_secrets_are_taken_out_whatever_their_shape(
    said: str, secrets: tuple[str, ...], shown: str
) -> None:
    """One that holds another leaves no rest behind. A value that is in every sentence is no secret."""
    assert redact(said, secrets) == shown


def test_a_secret_behind_the_limit_is_not_cut_into_view() -> None:
    said = redact("x" * 20 + " " + "word " * 35 + "hunter2hunter2", ("hunter2hunter2",))

    assert "hunter" not in said


def test_a_message_has_at_most_200_characters() -> None:
    assert len(redact("word " * 40)) == 199
    assert redact("word " * 39 + "words") == "word " * 39 + "words"
    assert redact("word " * 1000).endswith("…")
    assert len(redact("word " * 1000)) == MESSAGE_LIMIT


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\x1b[31mred\x00", "[31mred"),
        ("  a   b ", "a b"),
        ("a\u2028b\u202ec", "a b c"),
        ("é😀", "é😀"),
    ],
)
def test_a_message_is_one_printable_line(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.text(max_size=300), st.text(alphabet="abcdefgh123", min_size=12, max_size=60), st.text(max_size=300))
def test_no_secret_gets_through_wherever_it_stands(before: str, secret: str, after: str) -> None:
    said = redact(before + secret + after, (secret,))

    assert secret not in said
    assert len(said) <= MESSAGE_LIMIT
    assert said.isprintable()


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("bad pair hunter2\nblue", "hunter2 blue"),
        ("u=p%2fw%2bd", "p/w+d"),
        ("bad &lt;key&gt;&amp;1", "<key>&1"),
        (r"bad p\/w+d", "p/w+d"),
        (r"bad \u003ckey\u003e", "<key>"),
        ("BAD HUNTER2-BLUE", "hunter2-blue"),
    ],
)
def test_a_secret_in_another_spelling_takes_the_whole_message_with_it(said: str, secret: str) -> None:
    assert redact(said, [secret]) == REDACTED
