"""Allow, list and remove preview origins: exact origins that end by themselves.

The pages of a preview origin get what the merchant's trust policy allows to its origins. The policy document and its
revision do not change.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from token_broker.clock import Clock
from token_broker.errors import Conflict, InvalidRequest, TrustPolicyNotFound
from token_broker.ports.documents import PreviewStore
from token_broker.ports.telemetry import Telemetry
from token_broker.storefronts import addresses

#: Origins that have not ended. An authorizer reads all of them while a page waits.
MAX_ORIGINS = 50
#: Attempts to change the origins. Of several changes at once one succeeds in each attempt.
MAX_ATTEMPTS = 10


class PreviewOrigins(NamedTuple):
    """Read and change preview origins, for one call."""

    store: PreviewStore
    clock: Clock
    telemetry: Telemetry
    caller: str

    def allow(self, merchant: str, origin: Any, expires_in: int) -> int:
        """Allow an origin from now for `expires_in` seconds, also if it is allowed already. Return its end.

        Raises `InvalidRequest`, `TrustPolicyNotFound`, and `Conflict` if there are too many.
        """
        checked = _origin(origin)
        for _ in range(MAX_ATTEMPTS):
            before, change_id = self._read(merchant)
            ends_at = int(self.clock.now()) + expires_in
            after = {**before, checked: ends_at}
            if len(after) > MAX_ORIGINS:
                raise Conflict(
                    f"This merchant has {MAX_ORIGINS} preview origins. Remove one, or wait until one has ended."
                )
            if self.store.replace_previews(merchant, after, expected=change_id):
                self._notice(merchant, checked, ends_at)
                return ends_at
        raise _busy()

    def current(self, merchant: str) -> dict[str, int]:
        """Return the origins that have not ended, each with its end, the earliest first.

        Raises `TrustPolicyNotFound`.
        """
        ends, _ = self._read(merchant)
        return dict(sorted(ends.items(), key=lambda each: (each[1], each[0])))

    def remove(self, merchant: str, origin: Any) -> bool:
        """Remove an origin. Return whether it was allowed.

        Raises `InvalidRequest`, `TrustPolicyNotFound`, and `Conflict`.
        """
        checked = _origin(origin)
        for _ in range(MAX_ATTEMPTS):
            before, change_id = self._read(merchant)
            if checked not in before:
                return False
            after = {name: end for name, end in before.items() if name != checked}
            if self.store.replace_previews(merchant, after, expected=change_id):
                self._notice(merchant, checked, None)
                return True
        raise _busy()

    def _read(self, merchant: str) -> tuple[Mapping[str, int], str]:
        """Return the origins that have not ended, and the id of their last change."""
        stored = self.store.read_all(merchant)
        if stored.document is None:
            raise TrustPolicyNotFound("This merchant has no trust policy. PUT one before you allow preview origins.")
        now = self.clock.now()
        return {name: end for name, end in stored.previews.items() if now < end}, stored.preview_change

    def _notice(self, merchant: str, origin: str, ends_at: int | None) -> None:
        self.telemetry.notice(
            "preview_origin_changed", merchant=merchant, origin=origin, ends_at=ends_at, caller=self.caller
        )


def _origin(value: Any) -> str:
    try:
        return addresses.origin(value)
    except ValueError as expected:
        raise InvalidRequest(f"'origin' must be {expected}.") from None


def _busy() -> Conflict:
    return Conflict("Other callers are changing this merchant's preview origins. Try again in a moment.")
