"""Define a provider's client and what it can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from token_broker.domain.shown import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.clock import Deadline
    from token_broker.domain.credential_pair import CredentialPair
    from token_broker.domain.token import ProviderToken
    from token_broker.errors import ProviderReply


class Capabilities(NamedTuple):
    """Hold what a provider can do. The lifecycle reads this, never the provider's name.

    `supports_title_tag`: tokens have a title, in which the ownership tag finds a token after a lost response.
    `rotates`: a new token can replace the current one while both work. `expires`: tokens end by themselves.
    `sessions`: the provider issues tokens for checkout sessions. `renews`: expiring credentials are renewed with a
    refresh token. `recheck_after` is the age in seconds from which the shop's token is confirmed again. `limit` is the
    number of quota slots.
    """

    lists: bool = False
    revokes: bool = False
    supports_title_tag: bool = False
    rotates: bool = False
    expires: bool = False
    sessions: bool = False
    renews: bool = False
    recheck_after: float | None = None
    limit: int | None = None

    @property
    def has_pending_work(self) -> bool:
        """Return whether the worker can have work here: to revoke, to look up a lost token, or to renew."""
        return self.revokes or self.supports_title_tag or self.renews


class Account(NamedTuple):
    """Hold a merchant's account at one provider: the checked fields of the secret.

    `credentials` are never shown. `settings` may be. `account_id` is the account's id at a provider whose secret names
    one (Shopify: the shop's domain). It is empty at every other provider. `app` names the shared secret that the
    merchant's secret refers to. `origin` is the fingerprint of what expiring credentials are obtained with. It is empty
    for an account that has none. With an `accessToken` in `credentials` the account is ready for requests.
    """

    merchant: str
    credentials: Mapping[str, str]
    settings: Mapping[str, str] = {}
    account_id: str = ""
    app: str = ""
    origin: str = ""

    def __repr__(self) -> str:
        """Show all but what may be a value."""
        return shown(self, without=("credentials",))

    def secrets(self) -> tuple[str, ...]:
        """Return the values that must not appear in any log or response."""
        return tuple(self.credentials.values())

    def fingerprint(self) -> str:
        """Return the fingerprint of all that the secret says. The authorizers need no token, so it is imported here."""
        from token_broker.domain.token import fingerprint

        return fingerprint(repr((self.account_id, sorted(self.credentials.items()), sorted(self.settings.items()))))


class MintRequest(NamedTuple):
    """Describe the token to mint: a title with its ownership tag, or a session and its scopes."""

    title: str | None = None
    session_id: str | None = None
    scope: tuple[str, ...] | None = None


class ListedToken(NamedTuple):
    """Hold one token of the provider's list. The title includes its ownership tag."""

    token: ProviderToken
    title: str


class Profile(NamedTuple):
    """Declare a provider.

    `page_operations` are the shop-wide operations that a page's origin alone can open. Their tokens are in every page
    of the storefront anyway. `session_operations` are those that the proof of a session can open.
    """

    name: str
    capabilities: Capabilities
    page_operations: tuple[str, ...] = ()
    session_operations: tuple[str, ...] = ()


class Provider(Protocol):
    """Talk to one provider.

    Every request keeps to its deadline. It raises a `ProviderFailure` that has the request's outcome.
    """

    @property
    def name(self) -> str:
        """Return the provider's name."""

    @property
    def capabilities(self) -> Capabilities:
        """Return what the provider can do."""

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """Return the account that the secret's JSON describes. Raises `MerchantMisconfigured`."""

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """Create one token, or return the shop's token if the provider keeps only one."""

    def invalidate_credentials(self, account: Account) -> None:
        """Drop the session credentials that were obtained with this account's secret, since they were rejected."""


class ListingProvider(Provider, Protocol):
    """Talk to a provider that can list and revoke its tokens."""

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        """Return all tokens of this app at the shop, including foreign ones."""

    def check_token_id(self, token_id: str) -> None:
        """Check that the text can be the id of a token. Raises `InvalidRequest`."""

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        """Revoke the token. A token that the provider does not know counts as revoked."""


class RefreshTokenRefused(Exception):
    """Report that the provider rejected a refresh token, which is used, expired or of another shop."""

    def __init__(self, reply: ProviderReply) -> None:
        super().__init__("refresh token refused")
        self.reply = reply


class RefreshingProvider(Provider, Protocol):
    """Talk to a provider whose access tokens expire and are renewed with a refresh token."""

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        """Return the next pair. The same refresh token can be sent again after an unknown outcome.

        Raises `RefreshTokenRefused` if the refresh token is dead.
        """


class AppProvider(RefreshingProvider, Protocol):
    """Talk to a provider at which one app serves many shops. It has replaced permanent tokens by pairs."""

    def with_app(self, account: Account, secret: Mapping[str, Any]) -> Account:
        """Return the account with the credentials of its app's shared secret. Raises `MerchantMisconfigured`."""

    def exchange(self, account: Account, deadline: Deadline) -> CredentialPair:
        """Exchange the account's permanent token for a pair, which ends that token for ever.

        The same token can be sent again after an unknown outcome. Raises `PermanentTokenRefused`.
        """
