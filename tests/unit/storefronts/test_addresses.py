"""Which browser origins and key addresses a trust policy takes: exactly what a browser or an issuer writes."""

from typing import Any

import pytest

from tests.fakes.addresses import JWKS_URIS, NOT_JWKS_URIS, NOT_ORIGINS, ORIGINS, OTHER_TYPES
from token_broker.domain.fields import Rule
from token_broker.storefronts import addresses

LOOPBACK = "http://127.0.0.1:8123"
CANARY = "sk-live-canary"


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_origin_as_a_browser_writes_it_is_taken_as_it_is(origin: str) -> None:
    assert addresses.origin(origin) == origin


@pytest.mark.parametrize(("origin", "says"), NOT_ORIGINS.items())
def test_any_other_spelling_of_an_origin_is_refused_with_what_to_write(origin: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        addresses.origin(origin)

    assert says in str(refused.value)


@pytest.mark.parametrize("uri", JWKS_URIS)
def test_an_issuers_public_https_address_is_taken_as_it_is(uri: str) -> None:
    assert addresses.jwks_uri(uri) == uri
    assert addresses.jwks_uri(uri, LOOPBACK) == uri


@pytest.mark.parametrize(("uri", "says"), NOT_JWKS_URIS.items())
def test_an_address_that_is_not_public_or_not_plain_is_refused_with_what_to_write(uri: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        addresses.jwks_uri(uri)

    assert says in str(refused.value)


@pytest.mark.parametrize("uri", [uri for uri in NOT_JWKS_URIS if not uri.startswith(f"{LOOPBACK}/")])
def test_the_loopback_origin_opens_no_other_address(uri: str) -> None:
    with pytest.raises(ValueError, match=r"\ban\b"):
        addresses.jwks_uri(uri, LOOPBACK)


@pytest.mark.parametrize("value", OTHER_TYPES)
def test_an_address_is_a_string(value: Any) -> None:
    with pytest.raises(ValueError, match="an origin like"):
        addresses.origin(value)
    with pytest.raises(ValueError, match="an https address"):
        addresses.jwks_uri(value)


@pytest.mark.parametrize(
    "loopback", [LOOPBACK, "http://localhost:8123", "http://issuer.localhost", "http://[::1]:8123", "https://127.0.0.9"]
)
@pytest.mark.parametrize("path", ["/", "/jwks", "/demo/.well-known/jwks.json?a=b"])
def test_under_the_loopback_origin_any_address_is_taken(loopback: str, path: str) -> None:
    assert addresses.jwks_uri(loopback + path, loopback) == loopback + path


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:8123",
        "http://127.0.0.1:81234/jwks",
        "http://127.0.0.1:812/jwks",
        "http://127.0.0.1/jwks",
        "http://127.0.0.2:8123/jwks",
        "http://localhost:8123/jwks",
        "https://127.0.0.1:8123/jwks",
        "http://127.0.0.1:8123@evil.com/jwks",
        "http://127.0.0.1:8123.evil.com/jwks",
        "http://127.0.0.1:8123\\@evil.com/jwks",
        "http://127.0.0.1:8123?/jwks",
        "http://127.0.0.1:8123#/jwks",
        "http://127.0.0.1:8123/jwks#",
        "http://127.0.0.1:8123/jwks\\",
        "http://127.0.0.1:8123/jwks\n",
        "http://user@127.0.0.1:8123/jwks",
        "HTTP://127.0.0.1:8123/jwks",
    ],
)
def test_what_only_begins_like_the_loopback_origin_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"\ban\b"):
        addresses.jwks_uri(uri, LOOPBACK)


@pytest.mark.parametrize(
    "loopback",
    [
        "",
        "http:",
        "http:/",
        "http://evil.com",
        "http://169.254.169.254",
        "http://127.0.0.1.nip.io",
        "http://127.0.0.1:8123/",
        "http://127.0.0.1:8123/jwks",
        "http://user@127.0.0.1:8123",
        "http://*",
        "https://10.0.0.1",
        "https://203.0.113.7",
        "https://login.example:8443",
    ],
)
def test_a_loopback_origin_that_is_none_opens_nothing(loopback: str) -> None:
    """It comes from a parameter of the stack: a wrong one must not let the fetch out."""
    with pytest.raises(ValueError, match=r"\ban\b"):
        addresses.jwks_uri(f"{loopback}/jwks", loopback)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (addresses.origin, CANARY),
        (addresses.origin, f"{CANARY}\n"),
        (addresses.origin, f"{CANARY}://shop.example"),
        (addresses.origin, f"https://{CANARY}@shop.example"),
        (addresses.origin, f"https://{CANARY}.example:443"),
        (addresses.origin, f"https://shop.example:{CANARY}"),
        (addresses.origin, f"https://{CANARY}."),
        (addresses.origin, f"https://{CANARY}-"),
        (addresses.origin, f"https://shop.example/{CANARY}"),
        (addresses.origin, f"http://{CANARY}.example"),
        (addresses.jwks_uri, CANARY),
        (addresses.jwks_uri, f"{CANARY}\n"),
        (addresses.jwks_uri, f"https://{CANARY}"),
        (addresses.jwks_uri, f"https://{CANARY}.example"),
        (addresses.jwks_uri, f"https://{CANARY}.example./"),
        (addresses.jwks_uri, f"https://{CANARY}.local/"),
        (addresses.jwks_uri, f"https://{CANARY}@login.example/"),
        (addresses.jwks_uri, f"https://login.example:{CANARY}/"),
        (addresses.jwks_uri, f"https://login.example/#{CANARY}"),
        (addresses.jwks_uri, f"https://login.example/{CANARY}\\"),
    ],
)
def test_no_refusal_repeats_the_value(rule: Rule, value: str) -> None:
    """It may be a secret that was put into the wrong member."""
    with pytest.raises(ValueError, match=r"\ban\b") as refused:
        rule(value)

    assert CANARY not in str(refused.value)
