"""Hold expiring credentials: an access token of a provider's API, with the refresh token that renews it.

Times are Unix seconds. The values are in a session secret. The table has only the secret's version id.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from token_broker.domain.shown import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds before its end at which an access token is renewed. Shopify's own libraries use the same time.
RENEW_BEFORE = 300


class MerchantState(StrEnum):
    """List the states of a merchant at one provider. The values are stored and published."""

    ACTIVE = "active"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"


class StateReason(StrEnum):
    """List the reasons for a change of the state. The values are stored and published."""

    REFRESH_TOKEN_REFUSED = "refresh_token_refused"  # noqa: S105  # a reason, not a value
    SECRET_CHANGED = "secret_changed"  # noqa: S105  # a reason, not a value


class CredentialPair(NamedTuple):
    """Hold one pair. `refresh_ends_at` is None if the provider does not say when the refresh token ends.

    `origin` is the fingerprint of what the pair was obtained with at first: the refresh token or the permanent token of
    the operator's secret. A pair of another origin is void.
    """

    access_token: str
    refresh_token: str
    obtained_at: int
    access_ends_at: int
    refresh_ends_at: int | None = None
    origin: str = ""

    def __repr__(self) -> str:
        """Show all but what may be a value."""
        return shown(self, without=("access_token", "refresh_token"))

    @property
    def renew_at(self) -> float:
        """Return when to renew the access token. A short-lived one is renewed after half of its lifetime."""
        return self.access_ends_at - min(RENEW_BEFORE, (self.access_ends_at - self.obtained_at) / 2)


class PairRecord(NamedTuple):
    """Hold what the table knows of a merchant's pair.

    `version_id` is the session secret's version with the pair, or None if there is none yet. `named_at` is when the
    pair was obtained. `origin` is the pair's.
    `fence` rises with each lease and at its end. `lease_ends_at` is zero if nobody holds the lease. `migrating` is the
    origin of the permanent token whose exchange an operator has confirmed. `due_at` is when the worker renews an unused
    pair. `refused_secret` is the fingerprint of the secret for which the state stands. `told` has the last time of each
    event, by its reason.
    """

    merchant: str
    version_id: str | None = None
    origin: str = ""
    fence: int = 0
    lease_ends_at: int = 0
    migrating: str = ""
    due_at: int | None = None
    tries: int = 0
    state: MerchantState = MerchantState.ACTIVE
    refused_secret: str = ""
    told: Mapping[str, int] = {}
    named_at: int = 0


class PairLease(NamedTuple):
    """Hold the right to renew a merchant's pair. `owner` and `fence` guard every later write."""

    record: PairRecord
    owner: str
    fence: int
