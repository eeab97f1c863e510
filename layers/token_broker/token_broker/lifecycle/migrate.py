"""Migrate a merchant's permanent token to an expiring pair."""

from typing import Any, NamedTuple

from token_broker.domain.credential_pair import CredentialPair
from token_broker.errors import (
    Conflict,
    InvalidRequest,
    MintInProgress,
    ProviderFailure,
    RequestOutcome,
)
from token_broker.ports.provider import Account, Provider
from token_broker.tokens.call import Call
from token_broker.tokens.sign_in import SignIn


class MigrationReport(NamedTuple):
    """Report the state of a migration.

    `pair` is None if the worker continues the migration. `failure` is the last error's code.
    """

    account: Account
    pair: CredentialPair | None = None
    failure: str | None = None

    @property
    def status(self) -> int:
        """Return 200 for a completed migration, else 202."""
        return 202 if self.pair is None else 200

    def as_json(self) -> dict[str, Any]:
        """Return the response of the migration route."""
        shown: dict[str, Any] = {
            "merchant": self.account.merchant,
            "shop": self.account.account_id,
            "state": "pending" if self.pair is None else "done",
            "reversible": False,
            "accessTokenExpiresAt": None if self.pair is None else self.pair.access_ends_at,
            "refreshTokenExpiresAt": None if self.pair is None else self.pair.refresh_ends_at,
            "failure": self.failure,
        }
        return {name: value for name, value in shown.items() if value is not None}


def migrate(call: Call[Provider], merchant: str, *, confirm: str) -> MigrationReport:
    """Exchange the permanent token for a pair. A repeated request returns the pair's times.

    `confirm` is the account's id, because the provider ends the permanent token for ever. Raises `InvalidRequest` if it
    is another one. Raises `Conflict` if the merchant's secret has no permanent token of an app. Raises the provider's
    refusal. If the outcome is not known, the worker continues.
    """
    account = call.account(merchant, fresh=True)
    if confirm.strip().lower() != account.account_id:
        raise InvalidRequest(
            "'confirm' must be the shop's domain in the merchant's secret. The migration cannot be undone at the "
            "provider, which ends the permanent token."
        )
    if not account.origin or "adminAccessToken" not in account.credentials:
        raise Conflict(
            "Only a secret with 'shop', 'app' and 'adminAccessToken' can be migrated, where the app's own secret has "
            "the client id and client secret. Store both, and repeat the request."
        )
    try:
        pair = SignIn(call, account, migrate=True).migrated()
    except MintInProgress as failure:
        return MigrationReport(account, failure=failure.code)
    except ProviderFailure as failure:
        if not failure.retryable and failure.request_outcome is RequestOutcome.NOT_APPLIED:
            raise
        return MigrationReport(account, failure=failure.code)
    call.telemetry.notice("permanent_token_migrated", merchant=merchant)
    return MigrationReport(account, pair)
