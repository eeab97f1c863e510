"""Merchants' secrets in memory, read as the real adapter reads them: what was read once is kept until `fresh`."""

from collections.abc import Mapping
from typing import Any

from token_broker.errors import MerchantMisconfigured, MerchantNotFound


class MemorySecrets:
    """The `Secrets` port. `stored` is what the secrets' keeper holds now; `reads` is who asked, and how."""

    def __init__(self, **stored: Mapping[str, Any]) -> None:
        self.stored: dict[str, Mapping[str, Any]] = dict(stored)
        self.reads: list[tuple[str, bool]] = []
        #: What every read fails with, while it is set.
        self.failure: Exception | None = None
        #: The secrets of shared apps.
        self.apps: dict[str, Mapping[str, Any]] = {}
        self.kept: dict[str, Mapping[str, Any]] = {}

    def read_app(self, app: str, *, fresh: bool = False) -> Mapping[str, Any]:
        del fresh
        if app not in self.apps:
            raise MerchantMisconfigured(f"There is no secret for the app '{app}'.")
        return self.apps[app]

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        self.reads.append((merchant, fresh))
        if self.failure is not None:
            raise self.failure
        if fresh or merchant not in self.kept:
            if merchant not in self.stored:
                raise MerchantNotFound(f"There is no secret for the merchant '{merchant}'.")
            self.kept[merchant] = self.stored[merchant]
        return self.kept[merchant]

    def delete(self, merchant: str) -> None:
        """Delete the secret and everything cached of it."""
        self.stored.pop(merchant)
        self.kept.pop(merchant, None)

    @property
    def fresh_reads(self) -> int:
        return sum(fresh for _, fresh in self.reads)
