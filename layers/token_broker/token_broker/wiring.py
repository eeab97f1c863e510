"""Put the parts of each function together.

A function calls one maker when its module is loaded. The maker imports what its functions need, so no function loads
the parts of another one. Each part is made at its first use, and is kept for the life of the process.
"""

from __future__ import annotations

import random
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from token_broker import settings
from token_broker.aws.session import client
from token_broker.aws.store.table import Table
from token_broker.clock import SystemClock
from token_broker.telemetry import PowertoolsTelemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.aws.secrets import SecretsManager
    from token_broker.entrypoints.handler import Request
    from token_broker.http.client import HttpClient, HttpResponse
    from token_broker.lifecycle.dispatcher import Dispatcher
    from token_broker.lifecycle.publisher import Publisher
    from token_broker.ports.provider import ListingProvider, Profile, Provider
    from token_broker.ports.telemetry import Telemetry
    from token_broker.storefronts.admission import Admission
    from token_broker.storefronts.change_policy import TrustPolicies
    from token_broker.storefronts.trust_policy import TrustPolicy
    from token_broker.tokens.call import Call, Services

#: A merchant's proof keys are a secret with a name like a provider's: `{prefix}/storefront-proof/{merchant}`.
PROOF_KEYS = "storefront-proof"


class Parts:
    """Make the parts that every function uses. Logs and metrics have the `name`."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Return the logs and metrics of the process."""
        return PowertoolsTelemetry(self.name)

    @cached_property
    def clock(self) -> SystemClock:
        """Return the time source."""
        return SystemClock()

    @cached_property
    def settings(self) -> settings.Settings:
        """Return the settings from the template. Raises `InternalError` if one is missing."""
        return settings.settings()

    @cached_property
    def table(self) -> Table:
        """Return the token table."""
        return Table(self.aws("dynamodb"), self.settings.table)

    def aws(self, service: str) -> Callable[[], Any]:
        """Return a function that makes a service's client. Making one takes milliseconds, so it happens when needed."""
        return partial(client, service)


class Container[S](Parts):
    """Make the service that a function's operation works with, anew for each request."""

    def __init__(self, name: str, make: Callable[[Parts, Request], S]) -> None:
        super().__init__(name)
        self._make = make

    def service(self, request: Request) -> S:
        """Return the service for one request."""
        return self._make(self, request)


class AuthorizerContainer(Parts):
    """Make the parts of an authorizer."""

    def __init__(self, name: str, make: Callable[[Parts], Admission]) -> None:
        super().__init__(name)
        self._make = make

    @cached_property
    def admission(self) -> Admission:
        """Return the merchants' policies, with the cache of this process."""
        return self._make(self)

    @cached_property
    def proof_keys(self) -> SecretsManager:
        """Return the secrets with the keys of merchants' backends."""
        from token_broker.aws.secrets import SecretsManager

        client, prefix = self.aws("secretsmanager"), self.settings.secret_prefix
        return SecretsManager(client, prefix=prefix, provider=PROOF_KEYS, clock=self.clock)


class LazyTransport:
    """Import and set up `requests` at the first request to a provider."""

    @cached_property
    def send(self) -> Callable[..., HttpResponse]:
        """Return the method that sends one request."""
        from token_broker.http.transport import RequestsTransport

        return RequestsTransport().send


def _provider[P: Provider](name: str, build: Callable[[HttpClient, Telemetry], P]) -> Container[Call[P]]:
    """Return the container of a provider's functions. `build` makes the provider's client."""
    from token_broker.aws.secrets import SecretsManager
    from token_broker.aws.store.token_store import DynamoStore
    from token_broker.http.client import HttpClient
    from token_broker.tokens.cache import TokenCache
    from token_broker.tokens.call import Call, Services

    @cache
    def provider(parts: Parts) -> P:
        return build(HttpClient(parts.clock, LazyTransport(), parts.telemetry.observe), parts.telemetry)

    @cache
    def services(parts: Parts) -> Services[P]:
        return Services(
            provider_factory=partial(provider, parts),
            secrets=SecretsManager(
                parts.aws("secretsmanager"), prefix=parts.settings.secret_prefix, provider=name, clock=parts.clock
            ),
            store=DynamoStore(
                parts.table,
                provider=name,
                clock=parts.clock,
                session_retention=parts.settings.session_retention,
                history_retention=parts.settings.history_retention,
            ),
            cache=TokenCache(parts.clock),
            clock=parts.clock,
            telemetry=parts.telemetry,
            jitter=random.random,
            min_remaining_seconds=parts.settings.min_remaining_seconds,
        )

    def call(parts: Parts, request: Request) -> Call[P]:
        return Call(services(parts), request.caller, request.deadline, request.grant)

    return Container(name, call)


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


#: The registry: each provider's maker. A further provider is one more line.
fourthwall = partial(_provider, "fourthwall", _fourthwall)
chicksx = partial(_provider, "chicksx", _chicksx)
shopify = partial(_provider, "shopify", _shopify)


def dispatcher() -> Container[Dispatcher]:
    """Return the container of the function that dispatches pending work."""
    from token_broker.aws.store.due_index import DynamoDueIndex
    from token_broker.aws.work_queues import SqsWorkQueues
    from token_broker.lifecycle.dispatcher import Dispatcher

    def make(parts: Parts, request: Request) -> Dispatcher:
        index, queues = DynamoDueIndex(parts.table), SqsWorkQueues(parts.aws("sqs"), settings.work_queues())
        return Dispatcher(index, queues, parts.clock, parts.telemetry, random.random, request.deadline)

    return Container("lifecycle", make)


def publisher() -> Container[Publisher]:
    """Return the container of the function that delivers events to the bus."""
    from token_broker.aws.event_bus import EventBridgeBus
    from token_broker.aws.store.outbox import DynamoOutbox
    from token_broker.lifecycle.publisher import Publisher

    def make(parts: Parts, request: Request) -> Publisher:
        outbox, bus = DynamoOutbox(parts.table), EventBridgeBus(parts.aws("events"), settings.event_bus())
        return Publisher(outbox, bus, parts.clock, parts.telemetry, random.random, request.deadline)

    return Container("events", make)


def trust_policies() -> Container[TrustPolicies]:
    """Return the container of the functions that show and change trust policies."""
    from token_broker.aws.store import documents
    from token_broker.storefronts.change_policy import TrustPolicies

    def make(parts: Parts, request: Request) -> TrustPolicies:
        store = documents.trust_policies(parts.table, parts.clock)
        return TrustPolicies(store, parts.telemetry, _parse, caller=request.caller)

    return Container("storefronts", make)


def admission() -> AuthorizerContainer:
    """Return the container of an authorizer."""
    from token_broker.aws.store import documents
    from token_broker.storefronts.admission import Admission
    from token_broker.storefronts.policy_cache import PolicyCache

    def make(parts: Parts) -> Admission:
        store = documents.trust_policies(parts.table, parts.clock)
        return Admission(store, PolicyCache(parts.clock), parts.telemetry, _parse)

    return AuthorizerContainer("storefronts", make)


def _parse(document: Any) -> TrustPolicy:
    from token_broker.storefronts.trust_policy import parse

    return parse(document, page_operations=page_operations(), loopback_jwks_origin=loopback_jwks_origin())


def page_operations() -> list[str]:
    """Return the operations that a page can open by its origin, as in `shopify/storefront-access-token`."""
    return [f"{each.name}/{operation}" for each in profiles() for operation in each.page_operations]


def session_operations() -> list[str]:
    """Return the operations that a proof can open, as in `chicksx/public-tokens`."""
    return [f"{each.name}/{operation}" for each in profiles() for operation in each.session_operations]


def profiles() -> list[Profile]:
    """Return what each provider declares. The authorizers read this without any provider's client."""
    from token_broker.providers.chicksx import profile as chicksx
    from token_broker.providers.fourthwall import profile as fourthwall
    from token_broker.providers.shopify import profile as shopify

    modules = [fourthwall, chicksx, shopify]
    return [each.PROFILE for each in modules]


def loopback_jwks_origin() -> str:
    """Return the one plain http origin that may serve keys, for a local stack's issuer. It is empty on AWS."""
    return settings.optional("LOOPBACK_JWKS_ORIGIN", "")
