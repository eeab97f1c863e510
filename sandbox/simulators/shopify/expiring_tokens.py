"""Keep the expiring offline tokens of one app on one shop, with Shopify's rules for repeated requests.

An app has one refreshable pair on a shop. A newly obtained pair ends the refresh token of the pair before it. Access
tokens are valid for their whole hour.
"""

import secrets
from dataclasses import dataclass

from sandbox.http_server.messages import fingerprint

HOUR = 3600
DAY = 24 * HOUR
ACCESS_SECONDS = HOUR
REFRESH_SECONDS = 90 * DAY
REFRESH_REPEAT_SECONDS = 30 * DAY
MIGRATION_REPEAT_SECONDS = 7 * DAY


@dataclass
class Pair:
    """Hold a pair, and the token that it replaced.

    Until `repeat_until`, the replaced token gives the same pair again.
    """

    access_token: str
    refresh_token: str
    access_expires_at: float
    refresh_expires_at: float
    replaced: str | None = None
    repeat_until: float = 0.0


class ExpiringTokens:
    def __init__(self) -> None:
        self.refreshes = 0
        self.refresh_repeats = 0
        self.migrations = 0
        self._pair: Pair | None = None
        self._access_tokens: dict[str, float] = {}
        self._migrated: set[str] = set()

    def authorize(self, now: float, refresh_token: str | None = None) -> Pair:
        """Obtain a pair that replaces any other, as when the merchant authorizes the app."""
        access_token = f"shpat_{secrets.token_hex(16)}"
        self._pair = Pair(
            access_token,
            refresh_token or f"shprt_{secrets.token_hex(16)}",
            now + ACCESS_SECONDS,
            now + REFRESH_SECONDS,
        )
        valid = {token: expires_at for token, expires_at in self._access_tokens.items() if expires_at > now}
        self._access_tokens = {**valid, access_token: self._pair.access_expires_at}
        return self._pair

    def refresh(self, refresh_token: str, now: float) -> Pair | None:
        """Return a new pair, the same pair again for a repeated request, or None for a dead refresh token."""
        before = self._live(now)
        if before is None:
            return None
        if refresh_token == before.refresh_token:
            pair = self.authorize(now)
            pair.replaced = refresh_token
            pair.repeat_until = min(now + REFRESH_REPEAT_SECONDS, before.refresh_expires_at)
            self.refreshes += 1
            return pair
        if refresh_token != before.replaced or now >= before.repeat_until:
            return None
        self.refresh_repeats += 1
        return before

    def migrate(self, permanent_token: str, now: float) -> Pair | None:
        """Exchange a permanent token of this app, which ends at once, for a pair.

        Returns the same pair for a repeated request, and None if that pair was refreshed or replaced since.
        """
        if permanent_token not in self._migrated:
            self._migrated.add(permanent_token)
            pair = self.authorize(now)
            pair.replaced, pair.repeat_until = permanent_token, now + MIGRATION_REPEAT_SECONDS
            self.migrations += 1
            return pair
        pair_of_it = self._live(now)
        if pair_of_it is None or pair_of_it.replaced != permanent_token or now >= pair_of_it.repeat_until:
            return None
        return pair_of_it

    def was_migrated(self, permanent_token: str) -> bool:
        return permanent_token in self._migrated

    def knows(self, refresh_token: str) -> bool:
        """Tell whether this is the refresh token of the pair, or the one that it replaced."""
        return self._pair is not None and refresh_token in (self._pair.refresh_token, self._pair.replaced)

    def accepts(self, access_token: str, now: float) -> bool:
        return self._access_tokens.get(access_token, 0.0) > now

    def count_as_used(self, access_token: str) -> None:
        """End the repetition of the refresh that gave this access token."""
        pair = self._pair
        if pair is not None and pair.access_token == access_token and pair.replaced not in self._migrated:
            pair.repeat_until = 0.0

    def end_access_tokens(self) -> int:
        """End the access tokens, but not the refresh token, and return their number."""
        ended = len(self._access_tokens)
        self._access_tokens.clear()
        return ended

    def end(self) -> bool:
        """End the pair and every access token, and tell whether there was a pair."""
        ended = self._pair is not None
        self._pair = None
        self._access_tokens.clear()
        return ended

    def state(self, now: float, permanent_token: str | None) -> dict[str, object]:
        pair = self._live(now)
        shown = (
            None
            if pair is None
            else {
                "accessFingerprint": fingerprint(pair.access_token),
                "refreshFingerprint": fingerprint(pair.refresh_token),
                "accessExpiresAt": pair.access_expires_at,
                "refreshExpiresAt": pair.refresh_expires_at,
                "permanentRevoked": permanent_token in self._migrated,
            }
        )
        return {
            "refreshes": self.refreshes,
            "refreshRepeats": self.refresh_repeats,
            "migrations": self.migrations,
            "pair": shown,
        }

    def _live(self, now: float) -> Pair | None:
        return self._pair if self._pair is not None and self._pair.refresh_expires_at > now else None
