"""What the template tells a function."""

import pytest

from token_broker import settings
from token_broker.errors import InternalError, ProviderNotConfigured

NAME = "SAMPLE_BASE_URL"


def base_url(monkeypatch: pytest.MonkeyPatch, value: str) -> str:
    monkeypatch.setenv(NAME, value)
    return settings.base_url(NAME)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "https://api.fourthwall.com",
            "https://develop-api.chicksx.com/v1",
            "https://{shop}",
            "https://10.0.0.1:8443",
        ),
        *("http://127.0.0.1:4010", "http://127.8.9.10", "http://localhost:4010/shopify/{shop}", "http://LOCALHOST"),
        "http://[::1]:4010",
    ],
)
def test_https_goes_anywhere_and_plain_http_to_loopback(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert base_url(monkeypatch, address) == address
    assert base_url(monkeypatch, f" {address}/ ") == address


@pytest.mark.parametrize(
    "value",
    [
        *(f"http://{host}" for host in ("api.fourthwall.com", "128.0.0.1", "0.0.0.0:80", "[::2]", "{shop}")),
        *(f"http://{host}" for host in ("127.0.0.1.evil.com", "localhost.evil.com", "evil.com#127.0.0.1")),
        *(f"http://{host}" for host in ("localhost@evil.com", "127.0.0.1@evil.com", "127.0.0.1:80@evil.com")),
        *("http://evil.com?127.0.0.1", "ftp://localhost", "file:///etc/passwd", "localhost:4010", "//localhost"),
        *("https://", "https:///path", "https://api.example?x=1", "https://api.example#x", "javascript:alert(1)"),
        *("https://user@api.example", "https://user:pass@api.example", "https://[broken"),
    ],
)
def test_an_address_that_would_send_a_secret_in_clear_or_nowhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    with pytest.raises(ProviderNotConfigured) as refused:
        base_url(monkeypatch, value)

    assert value not in refused.value.detail


@pytest.mark.parametrize("value", ["", "   ", "/", None])
def test_no_address_means_a_provider_that_is_not_configured(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv(NAME, raising=False)

    if value is not None:
        monkeypatch.setenv(NAME, value)

    with pytest.raises(ProviderNotConfigured, match=NAME):
        settings.base_url(NAME)


@pytest.mark.parametrize(("given", "seconds"), [("1", 86_400), ("30", 2_592_000), ("0.5", 43_200), ("", 2_592_000)])
def test_a_retention_is_given_in_days(monkeypatch: pytest.MonkeyPatch, given: str, seconds: int) -> None:
    monkeypatch.setenv("SESSION_RETENTION_DAYS", given)

    assert settings.days("SESSION_RETENTION_DAYS", "30") == seconds


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many", " ", "1e3"])
def test_a_limit_is_a_whole_number_of_at_least_one(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("MINTS_PER_MINUTE", given)

    with pytest.raises(InternalError, match=r"MINTS_PER_MINUTE is not valid.*at least 1\.$"):
        settings.positive("MINTS_PER_MINUTE", "120")


@pytest.mark.parametrize(("given", "limit"), [("1", 1), ("600", 600), ("", 120)])
def test_a_limit_has_a_default(monkeypatch: pytest.MonkeyPatch, given: str, limit: int) -> None:
    monkeypatch.setenv("MINTS_PER_MINUTE", given)

    assert settings.positive("MINTS_PER_MINUTE", "120") == limit


def test_a_template_that_sets_too_little_is_our_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN_TABLE", raising=False)
    with pytest.raises(InternalError):
        settings.required("TOKEN_TABLE")

    monkeypatch.setenv("TOKEN_TABLE", "")
    with pytest.raises(InternalError):
        settings.required("TOKEN_TABLE")


def test_a_provider_brings_the_default_of_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPIFY_API_VERSION", raising=False)
    assert settings.optional("SHOPIFY_API_VERSION", "2026-10") == "2026-10"

    monkeypatch.setenv("SHOPIFY_API_VERSION", "2026-07")
    assert settings.optional("SHOPIFY_API_VERSION", "2026-10") == "2026-07"


def test_each_workers_queue_is_in_a_variable_of_its_own_whoever_the_worker_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SHOPIFY": "https://q/1", "OUTBOX": "https://q/2", "FOURTH": "https://q/3", "IDLE": ""}.items():
        monkeypatch.setenv(f"WORK_QUEUE_{name}", value)

    assert settings.work_queues() == {"shopify": "https://q/1", "outbox": "https://q/2", "fourth": "https://q/3"}
