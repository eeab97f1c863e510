"""Put the parts of each function together.

A function calls one maker when its module is loaded. The maker imports what its functions need, so no function loads
the parts of another one. Each part is made at its first use, and is kept for the life of the process. While Lambda
initializes a process, the container makes what most invocations need.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from functools import cache, cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from token_broker import settings
from token_broker.aws.store.table import Table
from token_broker.clock import SystemClock
from token_broker.errors import InvalidRequest
from token_broker.telemetry import PowertoolsTelemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from token_broker.aws.fast_reads.reads import FastReads
    from token_broker.aws.secrets import SecretsManager
    from token_broker.entrypoints.handler import Request
    from token_broker.http.client import HttpClient, HttpResponse
    from token_broker.lifecycle.dispatcher import Dispatcher
    from token_broker.lifecycle.publisher import Publisher
    from token_broker.ports.provider import Profile, Provider
    from token_broker.ports.telemetry import Telemetry
    from token_broker.storefronts.admission import Admission
    from token_broker.storefronts.change_policy import TrustPolicies
    from token_broker.storefronts.preview_origins import PreviewOrigins
    from token_broker.storefronts.trust_policy import TrustPolicy
    from token_broker.tokens.call import Call, Services
    from token_broker.tokens.sign_in import SignIns

#: A merchant's proof keys are a secret with a name like a provider's: `{prefix}/storefront-proof/{merchant}`.
PROOF_KEYS = "storefront-proof"

#: What a function needs that mostly writes to the table, calls the provider, or only reads secrets.
WRITES = ("dynamodb",)
PROVIDER_CALLS = ("dynamodb", "secretsmanager", "provider")
SECRETS = ("secretsmanager",)

#: The container of a function whose service is made for each request.
type ForEach[S] = Container[Callable[[Request], S]]


class Container[S]:
    """Keep the parts of one process. Logs and metrics have the `name`, and `make` builds the function's service.

    `needs` are what most invocations need beside reads of the table.
    """

    def __init__(self, name: str, make: Callable[[Container[S]], S], needs: Collection[str] = ()) -> None:
        self.name = name
        self._make = make
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            with suppress(Exception):  # the first invocation meets the same failure, and reports it
                self._prepare(needs)

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Return the logs and metrics of the process."""
        return PowertoolsTelemetry(self.name)

    @cached_property
    def clock(self) -> SystemClock:
        """Return the time source."""
        return SystemClock()

    @cached_property
    def fast_reads(self) -> FastReads | None:
        """Return the reads without botocore, or None if they are off."""
        if os.environ.get("FAST_READS") != "true":
            return None
        from token_broker.aws.fast_reads.reads import fast_reads

        return fast_reads(lambda reason: self.telemetry.notice("fast_read_failed", reason=reason), self.clock)

    @cached_property
    def transport(self) -> LazyTransport:
        """Return what sends the requests to providers."""
        return LazyTransport()

    @cached_property
    def table(self) -> Table:
        """Return the token table. Raises `InternalError` if its name is not set."""
        fast = None if self.fast_reads is None else self.fast_reads.read
        return Table(self.aws("dynamodb"), settings.required("TOKEN_TABLE"), fast_read=fast)

    @cached_property
    def service(self) -> S:
        """Return what the function works with. Raises `InternalError` if a setting is missing."""
        return self._make(self)

    def aws(self, service: str) -> Callable[[], Any]:
        """Return a function that makes a service's client."""
        return partial(client, service)

    def _prepare(self, needs: Collection[str]) -> None:
        """Make what most invocations need, while Lambda initializes the process with a full processor.

        An invocation has a part of one.
        """
        _ = self.telemetry, self.service
        for need in needs:
            if need == "provider":
                import_module(f"token_broker.providers.{self.name}.client")
                _ = self.transport.send
            else:
                self.aws(need)()
        if self.fast_reads is not None:
            self.fast_reads.connect()


def client(service: str) -> Any:
    """Return the process's client of an AWS service. botocore is imported here, since most calls need none."""
    from token_broker.aws import session

    return session.client(service)


class LazyTransport:
    """Import and set up `requests` at the first request to a provider."""

    @cached_property
    def send(self) -> Callable[..., HttpResponse]:
        """Return the method that sends one request."""
        from token_broker.http.transport import RequestsTransport

        return RequestsTransport().send


def _provider(name: str, needs: Collection[str] = ()) -> ForEach[Call[Any]]:
    """Return the container of a provider's functions. Each function names what it needs of the provider's client."""
    from token_broker.tokens.call import Call

    def make(parts: ForEach[Call[Any]]) -> Callable[[Request], Call[Any]]:
        services = _services(parts, name, settings.positive("MINTS_PER_MINUTE", "120"))
        return lambda request: Call(services, request.caller, request.deadline, request.grant)

    return Container(name, make, needs)


def _services(parts: Container[Any], name: str, mints_per_minute: int | None = None) -> Services[Any]:
    """Return what all calls of one provider share. Without `mints_per_minute`, no mint is counted."""
    from token_broker.aws.secrets import SecretsManager
    from token_broker.aws.store.token_store import DynamoStore
    from token_broker.tokens.cache import TokenCache
    from token_broker.tokens.call import Services

    clock, telemetry = parts.clock, parts.telemetry
    prefix = settings.required("SECRET_PREFIX")
    return Services(
        make_provider=cache(partial(_client, parts, name)),
        capabilities=_profile(name).capabilities,
        secrets=SecretsManager(parts.aws("secretsmanager"), prefix=prefix, provider=name, clock=clock),
        store=DynamoStore(
            parts.table,
            provider=name,
            clock=clock,
            session_retention=settings.days("SESSION_RETENTION_DAYS", "30"),
            history_retention=settings.days("HISTORY_RETENTION_DAYS", "90"),
            mints_per_minute=mints_per_minute,
        ),
        cache=TokenCache(clock),
        clock=clock,
        telemetry=telemetry,
        jitter=random.random,
        min_remaining_seconds=float(settings.optional("TOKEN_MARGIN_SECONDS", "60")),
        make_sign_ins=cache(partial(_sign_ins, parts, prefix, name)),
    )


def _sign_ins(parts: Container[Any], prefix: str, provider: str) -> SignIns:
    from token_broker.aws.session_secrets import SecretsManagerSessions
    from token_broker.tokens.sign_in import SignIns

    secrets = SecretsManagerSessions(
        parts.aws("secretsmanager"),
        prefix=prefix,
        provider=provider,
        key_arn=settings.optional("SECRETS_KEY_ARN", ""),
    )
    return SignIns(secrets, parts.clock)


def _client(parts: Container[Any], name: str) -> Provider:
    from token_broker.http.client import HttpClient

    return provider_client(name, HttpClient(parts.clock, parts.transport, parts.telemetry.observe), parts.telemetry)


def provider_client(name: str, http: HttpClient, telemetry: Telemetry) -> Provider:
    """Import the provider's client and make it. A function that serves stored tokens seldom needs it."""
    provider: Provider = import_module(f"token_broker.providers.{name}.client").make(http, telemetry)
    return provider


#: The registry: a package of `token_broker.providers` each, and the maker of the container of its functions.
PROVIDERS = (
    "fourthwall",
    "chicksx",
    "shopify",
)
fourthwall = partial(_provider, "fourthwall")
chicksx = partial(_provider, "chicksx")
shopify = partial(_provider, "shopify")

#: A message of an earlier version names no provider. It is about this one.
UNNAMED = "shopify"


def worker() -> ForEach[Callable[[str | None], Call]]:
    """Return the container of the worker. Its service returns the call of a provider, by the provider's name.

    It raises `InvalidRequest` for a provider without pending work.
    """
    from token_broker.tokens.call import Call

    def make(parts: ForEach[Callable[[str | None], Call]]) -> Callable[[Request], Callable[[str | None], Call]]:
        @cache
        def services(provider: str) -> Services:
            return _services(parts, provider)  # the schedule limits the worker's mints

        def call(request: Request, provider: str | None) -> Call:
            name = provider or UNNAMED
            if name not in PROVIDERS or not _profile(name).capabilities.has_pending_work:
                working = [each.name for each in profiles() if each.capabilities.has_pending_work]
                raise InvalidRequest(f"'provider' must be one of: {', '.join(working)}.")
            parts.telemetry.about(name)
            return Call(services(name), request.caller, request.deadline, request.grant)

        return lambda request: partial(call, request)

    return Container("lifecycle", make, ("dynamodb", "secretsmanager"))


def dispatcher() -> ForEach[Dispatcher]:
    """Return the container of the function that dispatches pending work."""
    from token_broker.aws.store.due_index import DynamoDueIndex
    from token_broker.aws.work_queues import SqsWorkQueues
    from token_broker.lifecycle.dispatcher import Dispatcher

    def make(parts: ForEach[Dispatcher]) -> Callable[[Request], Dispatcher]:
        index, queues = DynamoDueIndex(parts.table), SqsWorkQueues(parts.aws("sqs"), settings.work_queues())
        return lambda request: Dispatcher(index, queues, parts.clock, parts.telemetry, random.random, request.deadline)

    return Container("lifecycle", make, WRITES)


def publisher() -> ForEach[Publisher]:
    """Return the container of the function that delivers events to the bus."""
    from token_broker.aws.event_bus import EventBridgeBus
    from token_broker.aws.store.outbox import DynamoOutbox
    from token_broker.lifecycle.publisher import Publisher

    def make(parts: ForEach[Publisher]) -> Callable[[Request], Publisher]:
        outbox, bus = DynamoOutbox(parts.table), EventBridgeBus(parts.aws("events"), settings.required("EVENT_BUS"))
        return lambda request: Publisher(outbox, bus, parts.clock, parts.telemetry, random.random, request.deadline)

    return Container("events", make, (*WRITES, "events"))


def trust_policies(needs: Collection[str] = ()) -> ForEach[TrustPolicies]:
    """Return the container of the functions that show and change trust policies."""
    from token_broker.aws.store.policies import DynamoPolicies
    from token_broker.storefronts.change_policy import TrustPolicies

    def make(parts: ForEach[TrustPolicies]) -> Callable[[Request], TrustPolicies]:
        store, parse = DynamoPolicies(parts.table, parts.clock), _parser()
        return lambda request: TrustPolicies(store, parts.telemetry, parse, caller=request.caller)

    return Container("storefronts", make, needs)


def preview_origins(needs: Collection[str] = ()) -> ForEach[PreviewOrigins]:
    """Return the container of the functions that show and change preview origins."""
    from token_broker.aws.store.policies import DynamoPolicies
    from token_broker.storefronts.preview_origins import PreviewOrigins

    def make(parts: ForEach[PreviewOrigins]) -> Callable[[Request], PreviewOrigins]:
        store = DynamoPolicies(parts.table, parts.clock)
        return lambda request: PreviewOrigins(store, parts.clock, parts.telemetry, caller=request.caller)

    return Container("storefronts", make, needs)


def admission(needs: Collection[str] = ()) -> Container[Admission]:
    """Return the container of an authorizer. Its service holds the merchants' policies, with a cache."""
    from token_broker.aws.store.policies import DynamoPolicies
    from token_broker.storefronts.admission import Admission

    def make(parts: Container[Admission]) -> Admission:
        store = DynamoPolicies(parts.table, parts.clock)
        return Admission(store.read_all, parts.clock, parts.telemetry, _parser())

    return Container("storefronts", make, needs)


def proof_keys(parts: Container[Any]) -> SecretsManager:
    """Return the secrets with the keys of merchants' backends."""
    from token_broker.aws.secrets import SecretsManager

    client, prefix = parts.aws("secretsmanager"), settings.required("SECRET_PREFIX")
    return SecretsManager(client, prefix=prefix, provider=PROOF_KEYS, clock=parts.clock)


def _parser() -> Callable[[Any], TrustPolicy]:
    from token_broker.storefronts.trust_policy import parse

    return partial(parse, page_operations=page_operations(), loopback_jwks_origin=loopback_jwks_origin())


def page_operations() -> list[str]:
    """Return the operations for a shop's token, as in `shopify/storefront-access-token`.

    A page can open them by its origin, and a client with a proof.
    """
    return [f"{each.name}/{operation}" for each in profiles() for operation in each.page_operations]


def session_operations() -> list[str]:
    """Return the operations that a proof can open, as in `chicksx/public-tokens`."""
    return [f"{each.name}/{operation}" for each in profiles() for operation in each.session_operations]


def profiles() -> list[Profile]:
    """Return what each provider declares. The authorizers read this without any provider's client."""
    return [_profile(name) for name in PROVIDERS]


def _profile(name: str) -> Profile:
    profile: Profile = import_module(f"token_broker.providers.{name}").PROFILE
    return profile


def loopback_jwks_origin() -> str:
    """Return the one plain http origin that may serve keys, for a local stack's issuer. It is empty on AWS."""
    return settings.optional("LOOPBACK_JWKS_ORIGIN", "")
