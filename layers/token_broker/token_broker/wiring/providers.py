"""Put the parts of each provider together. The registry at the end has one line for each provider."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from token_broker import settings
from token_broker.aws.secrets import SecretsManager
from token_broker.aws.store.token_store import DynamoStore
from token_broker.broker import Broker, ListingBroker
from token_broker.http.client import HttpClient, HttpResponse, Request, Transport
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.tokens.cache import TokenCache
from token_broker.tokens.call import Call
from token_broker.wiring.container import Container

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.clock import Deadline
    from token_broker.domain.grant import Grant
    from token_broker.ports.telemetry import Telemetry


class LazyTransport:
    """Import and set up `requests` at the first request to a provider."""

    def __init__(self) -> None:
        self._transport: Transport | None = None

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        """Send one request and return the response."""
        if self._transport is None:
            from token_broker.http.transport import RequestsTransport

            self._transport = RequestsTransport()
        return self._transport.send(
            request, connect_timeout=connect_timeout, read_timeout=read_timeout, body_limit=body_limit
        )


type Build[P: Provider] = Callable[[HttpClient, Telemetry], P]


@dataclass
class ProviderContainer[P: Provider, B](Container):
    """Make one provider's parts."""

    build: Build[P]
    serve: Callable[[Call[P]], B]

    @cached_property
    def _provider(self) -> P:
        return self.build(HttpClient(self.clock, LazyTransport(), self.telemetry.observe), self.telemetry)

    @cached_property
    def _secrets(self) -> SecretsManager:
        prefix = self.settings.secret_prefix
        return SecretsManager(self.aws("secretsmanager"), prefix=prefix, provider=self.name, clock=self.clock)

    @cached_property
    def _store(self) -> DynamoStore:
        return DynamoStore(
            self.table,
            provider=self.name,
            clock=self.clock,
            session_retention=self.settings.session_retention,
            history_retention=self.settings.history_retention,
        )

    @cached_property
    def _cache(self) -> TokenCache:
        return TokenCache(self.clock)

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> B:
        """Return the operations for one call."""
        return self.serve(
            Call(
                provider_factory=lambda: self._provider,
                secrets=self._secrets,
                store=self._store,
                cache=self._cache,
                clock=self.clock,
                telemetry=self.telemetry,
                jitter=random.random,
                min_remaining_seconds=self.settings.min_remaining_seconds,
                caller=caller,
                deadline=deadline,
                grant=grant,
            )
        )


def _fourthwall(http: HttpClient, _telemetry: Telemetry) -> Provider:
    from token_broker.providers.fourthwall.client import Fourthwall

    return Fourthwall(http, settings.base_url("FOURTHWALL_BASE_URL"))


def _chicksx(http: HttpClient, _telemetry: Telemetry) -> Provider:
    from token_broker.providers.chicksx.client import Chicksx

    return Chicksx(http, settings.base_url("CHICKSX_BASE_URL"))


def _shopify(http: HttpClient, telemetry: Telemetry) -> ListingProvider:
    from token_broker.providers.shopify.client import Shopify

    version = settings.optional("SHOPIFY_API_VERSION", "2026-10")
    return Shopify(http, settings.base_url("SHOPIFY_BASE_URL"), version=version, telemetry=telemetry)


#: The registry. A further provider is one more line.
FOURTHWALL = ProviderContainer("fourthwall", _fourthwall, Broker[Provider])
CHICKSX = ProviderContainer("chicksx", _chicksx, Broker[Provider])
SHOPIFY = ProviderContainer("shopify", _shopify, ListingBroker)
