"""What the product needs from a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from token_broker.clock import Deadline
from token_broker.domain.token import ProviderToken


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; the lifecycle reads this, never the provider's name.

    `marked` says that a mint carries a title in which the provider keeps our mark, so that a token whose answer was
    lost can be found by it. `rotates`: a second token can stand beside the first, and take its place. `expires`: tokens
    end by themselves. `recheck_after` is the age in seconds from which a shop's token is asked for again.
    """

    lists: bool = False
    revokes: bool = False
    supports_title_tag: bool = False
    rotates: bool = False
    expires: bool = False
    sessions: bool = False
    recheck_after: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A merchant's account at one provider: the secret's fields, checked.

    `credentials` are never shown; `settings` may be. `realm` is where at the provider the account is, if it can be one
    of many places (Shopify: the shop's domain).
    """

    merchant: str
    credentials: Mapping[str, str] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    account_id: str = ""

    def secrets(self) -> tuple[str, ...]:
        """The values that must not be repeated to anybody."""
        return tuple(self.credentials.values())


@dataclass(frozen=True, slots=True)
class MintRequest:
    """What to mint: the title at the provider with its mark, or the session and the scopes it asked for."""

    title: str | None = None
    session_id: str | None = None
    scope: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedToken:
    """A token in the provider's own list; the title still carries its mark."""

    token: ProviderToken
    title: str


class Provider(Protocol):
    """One provider's client.

    Every call keeps to its deadline, and raises `ProviderFailure`s that say what became of it.
    """

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """The secret's JSON, checked. Raises `MerchantMisconfigured`."""
        ...

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """Have one token made, or get the one that the shop has where the provider keeps just one."""
        ...

    def invalidate_credentials(self, account: Account) -> None:
        """Throw away what was bought with this account's secret: it was refused."""
        ...


class ListingProvider(Provider, Protocol):
    """A provider that can list and revoke its tokens."""

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        """All tokens of this app at the shop, ours and foreign."""
        ...

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        """End a token; one that is unknown at the provider has ended."""
        ...
