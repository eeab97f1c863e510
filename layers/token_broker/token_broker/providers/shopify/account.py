"""Read a merchant's Shopify secret, and the secret that the merchants of one app share.

    {"shop", "adminAccessToken"}                       a permanent token
    {"shop", "clientId", "clientSecret"}               client credentials, inside one organization
    {"shop", "clientId", "clientSecret", "refreshToken"}
    {"shop", "app", "refreshToken"}                    an expiring pair, the usual case of a public app
    {"shop", "app"}                                    client credentials of a shared app
    {"shop", "app", "adminAccessToken"}                a permanent token that waits for its migration
    shopify-app/{app} {"clientId", "clientSecret", "previousClientSecret"?}

Each merchant's secret can also have `apiVersion`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from token_broker.domain.merchant_secret import fields_of
from token_broker.domain.token import fingerprint
from token_broker.errors import MerchantMisconfigured
from token_broker.ports.provider import Account
from token_broker.providers.shopify import PROFILE

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPES = (
    frozenset({"shop", "adminAccessToken"}),
    frozenset({"shop", "clientId", "clientSecret"}),
    frozenset({"shop", "clientId", "clientSecret", "refreshToken"}),
    frozenset({"shop", "app", "refreshToken"}),
    frozenset({"shop", "app"}),
    frozenset({"shop", "app", "adminAccessToken"}),
)
APP_SHAPES = (frozenset({"clientId", "clientSecret"}),)
#: The `apiVersion` that selects the older REST address.
UNVERSIONED = "unversioned"

#: The only hosts to which a merchant's Shopify secret may be sent.
_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
_VERSION = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])|unstable")
_APP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def account_of(merchant: str, secret: Mapping[str, Any], *, version: str) -> Account:
    """Return the account that the secret describes. `version` is for secrets without one.

    An account of a shared app is not ready before `with_app`. Raises `MerchantMisconfigured`.
    """
    if isinstance(typed := secret.get("shop"), str):
        secret = {**secret, "shop": typed.strip(" ")}  # people type the shop's address
    fields = fields_of(PROFILE.name, merchant, secret, shapes=SHAPES, optional=frozenset({"apiVersion"}))
    shop, app, version = shop_domain(fields["shop"]), fields.get("app", ""), fields.get("apiVersion", version)
    whose = f"The secret {PROFILE.name}/{merchant}"
    if shop is None:
        raise MerchantMisconfigured(
            f"{whose}: the field 'shop' must be a shop's domain, for example my-shop.myshopify.com."
        )
    if version != UNVERSIONED and not _VERSION.fullmatch(version):
        raise MerchantMisconfigured(
            f"{whose}: the field 'apiVersion' must be a version, for example 2026-10, or '{UNVERSIONED}'."
        )
    if app and not _APP.fullmatch(app):
        raise MerchantMisconfigured(
            f"{whose}: the field 'app' must have 1 to 63 lower-case letters, digits and hyphens, and no hyphen first."
        )
    credentials = {name: value for name, value in fields.items() if name not in ("shop", "app", "apiVersion")}
    settings = {"shop": shop, "apiVersion": version}
    return _with_origin(Account(merchant, credentials, settings, account_id=shop, app=app))


def with_app(account: Account, secret: Mapping[str, Any]) -> Account:
    """Return the account with the client id and the client secrets of its app. Raises `MerchantMisconfigured`."""
    optional = frozenset({"previousClientSecret"})
    fields = fields_of(f"{PROFILE.name}-app", account.app, secret, shapes=APP_SHAPES, optional=optional)
    return _with_origin(account._replace(credentials={**account.credentials, **fields}))


def shop_domain(text: str) -> str | None:
    """Return `{shop}.myshopify.com` in lower case, or None for any other text.

    A scheme, a slash at the end, surrounding spaces and capital letters are accepted, as in Shopify's own clients.
    """
    host = text.strip().lower().removeprefix("https://").removeprefix("http://").removesuffix("/")
    # The text must be ASCII, because a letter of another script can become ASCII in lower case. The Kelvin sign does.
    return host if text.isascii() and _SHOP.fullmatch(host) else None


def _with_origin(account: Account) -> Account:
    """Return the account with the origin of its pairs, if it can have any.

    A changed client secret changes no origin, because the app's refresh tokens stay valid.
    """
    known = account.credentials
    token = known.get("refreshToken") or known.get("adminAccessToken")
    if token is None or "clientId" not in known:
        return account
    return account._replace(origin=fingerprint(repr((account.account_id, known["clientId"], token))))
