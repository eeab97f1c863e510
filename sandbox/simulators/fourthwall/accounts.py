"""Keep Fourthwall shops: their credentials and limits, their public token and the tokens of a platform app."""

import secrets
from dataclasses import dataclass, field

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import fingerprint

SCOPE = "shop_read"
ACCESS_SECONDS = 300
DEAD_REFRESH_RESPONSES = ("invalid_grant", "unauthorized")


@dataclass(frozen=True)
class Account:
    """Hold one shop's credentials and limits.

    `limit` requests in `window` seconds get a response without a delay. `rotates_refresh_token` gives a new refresh
    token with every access token.
    """

    username: str | None
    password: str | None
    access_token: str | None
    client_id: str | None
    client_secret: str | None
    refresh_token: str | None
    scopes: tuple[str, ...]
    rotates_refresh_token: bool
    dead_refresh_response: str
    limit: int
    window: float


@dataclass
class Shop:
    """Hold what a shop has.

    `access_tokens` are those of the platform app, with their expiry. `replaced_refresh_token` is valid until its
    replacement is used.
    """

    account: Account
    refresh_token: str | None
    replaced_refresh_token: str | None = None
    access_tokens: dict[str, float] = field(default_factory=dict)
    token: str | None = None
    mints: int = 0
    refreshes: int = 0
    starts: list[float] = field(default_factory=list)

    def replace(self, account: Account) -> None:
        """Change credentials and limits. Another client id or refresh token ends the tokens of the platform app."""
        before, self.account = self.account, account
        if (before.client_id, before.refresh_token) != (account.client_id, account.refresh_token):
            self.refresh_token, self.replaced_refresh_token = account.refresh_token, None
            self.access_tokens.clear()

    def refresh(self, refresh_token: str, now: float) -> str | None:
        """Return a new access token, or None for a dead refresh token."""
        if refresh_token not in (self.refresh_token, self.replaced_refresh_token):
            return None
        if self.account.rotates_refresh_token and refresh_token == self.refresh_token:
            self.replaced_refresh_token, self.refresh_token = refresh_token, f"fwrt_{secrets.token_hex(16)}"
        access_token = f"fwat_{secrets.token_hex(16)}"
        self.access_tokens[access_token] = now + ACCESS_SECONDS
        self.refreshes += 1
        return access_token

    def accepts(self, access_token: str, now: float) -> bool:
        permanent = self.account.access_token is not None and access_token == self.account.access_token
        return permanent or self.access_tokens.get(access_token, 0.0) > now

    def state(self) -> dict[str, object]:
        return {
            "token": None if self.token is None else {"fingerprint": fingerprint(self.token)},
            "mints": self.mints,
            "refreshes": self.refreshes,
        }


def read_account(value: object) -> Account:
    """Read the credentials of README.md, of one kind or several, with the modes and the rate limit."""
    fields = Fields(value, "A Fourthwall account")
    scopes = fields.texts("scopes")
    rate = Fields(fields.anything("rateLimit") or {}, "rateLimit")
    account = Account(
        username=fields.optional_text("username"),
        password=fields.optional_text("password"),
        access_token=fields.optional_text("accessToken"),
        client_id=fields.optional_text("clientId"),
        client_secret=fields.optional_text("clientSecret"),
        refresh_token=fields.optional_text("refreshToken"),
        scopes=(SCOPE,) if scopes is None else scopes,
        rotates_refresh_token=fields.flag("rotatesRefreshToken", default=False),
        dead_refresh_response=fields.choice("deadRefreshAnswer", DEAD_REFRESH_RESPONSES, "invalid_grant"),
        limit=rate.whole("requests", 100, 1, 100_000),
        window=rate.number("seconds", 10, 0.01, 3600),
    )
    rate.finish()
    fields.finish()
    app = (account.client_id, account.client_secret, account.refresh_token)
    if None in app and any(app):
        raise InputError("A Fourthwall account needs clientId, clientSecret and refreshToken together.")
    if (account.username is None) != (account.password is None):
        raise InputError("A Fourthwall account needs username and password together.")
    if account.username is None and account.access_token is None and account.client_id is None:
        raise InputError(
            "A Fourthwall account needs username and password, or accessToken, "
            "or clientId, clientSecret and refreshToken."
        )
    return account
