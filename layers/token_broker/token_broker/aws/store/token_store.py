"""Put the parts of the store in DynamoDB together. Every write is conditional. `records` shows the table's layout."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.leases import DynamoLeases
from token_broker.domain.delays import DAY

if TYPE_CHECKING:
    from token_broker.aws.store.table import Table
    from token_broker.clock import Clock
    from token_broker.domain.rotation import RotationSettings
    from token_broker.ports import store
    from token_broker.ports.documents import Documents

#: How long an ended token's record is kept, without its value.
HISTORY_RETENTION = 90 * DAY
#: How long a session's state is kept after its last token and its closure.
SESSION_RETENTION = 30 * DAY


class DynamoStore:
    """Make each part at its first use, since serving a token needs the leases only. Retentions are in seconds.

    Without `mints_per_minute`, no mint is counted.
    """

    def __init__(
        self,
        table: Table,
        *,
        provider: str,
        clock: Clock,
        session_retention: int = SESSION_RETENTION,
        history_retention: int = HISTORY_RETENTION,
        mints_per_minute: int | None = None,
    ) -> None:
        self._mints_per_minute = mints_per_minute
        self._items = ProviderItems(table, provider, clock, session_retention, history_retention)
        self.leases: store.Leases = DynamoLeases(self._items)

    @cached_property
    def mint_quotas(self) -> store.MintQuotas:
        """Return the counted mints."""
        from token_broker.aws.store.mint_quotas import DynamoMintQuotas

        return DynamoMintQuotas(self._items, self._mints_per_minute)

    @cached_property
    def tokens(self) -> store.Tokens:
        """Return the records."""
        from token_broker.aws.store.tokens import DynamoTokens

        return DynamoTokens(self._items)

    @cached_property
    def corrections(self) -> store.Corrections:
        """Return the corrections of records."""
        from token_broker.aws.store.tokens import DynamoCorrections

        return DynamoCorrections(self._items)

    @cached_property
    def rotations(self) -> store.Rotations:
        """Return the rotations."""
        from token_broker.aws.store.rotations import DynamoRotations

        return DynamoRotations(self._items)

    @cached_property
    def rotation_settings(self) -> Documents[RotationSettings]:
        """Return the rotation settings. The item is due when the worker checks the current token's age."""
        from token_broker.aws.store.documents import DynamoDocuments
        from token_broker.domain.rotation import RotationSettings

        return DynamoDocuments(
            self._items.table,
            self._items.clock,
            key=lambda merchant: self._items.shop_key(merchant, records.SETTINGS),
            decode=lambda item: RotationSettings(item["overlap"], item.get("maxAge"), item["paused"]),
            encode=lambda new: {"maxAge": new.max_age, "overlap": new.overlap, "paused": new.paused},
        )

    @cached_property
    def reconciliations(self) -> store.Reconciliations:
        """Return the schedules of reconciliations."""
        from token_broker.aws.store.reconciliations import DynamoReconciliations

        return DynamoReconciliations(self._items)

    @cached_property
    def pairs(self) -> store.Pairs:
        """Return the records of expiring credentials."""
        from token_broker.aws.store.pairs import DynamoPairs

        return DynamoPairs(self._items)

    @cached_property
    def sessions(self) -> store.Sessions:
        """Return the checkout sessions."""
        from token_broker.aws.store.sessions import DynamoSessions

        return DynamoSessions(self._items)

    @cached_property
    def schedule(self) -> store.Schedule:
        """Return the times of pending work."""
        from token_broker.aws.store.schedule import DynamoSchedule

        return DynamoSchedule(self._items)
