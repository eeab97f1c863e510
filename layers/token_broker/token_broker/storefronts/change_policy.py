"""Read, replace and delete a merchant's trust policy, for merchants' backends and operators.

A policy has a revision that rises with every change, also with a deletion. A caller that changes a policy can name the
revision that it has read in `If-Match`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from token_broker.domain.fields import Precondition
from token_broker.errors import InvalidRequest, TrustPolicyNotFound
from token_broker.ports.documents import PolicyStore, Revisioned, change
from token_broker.ports.telemetry import Telemetry
from token_broker.storefronts.trust_policy import TrustPolicy

#: Size of the document as JSON. An authorizer reads it while a page waits.
MAX_BYTES = 16 * 1024


class TrustPolicies(NamedTuple):
    """Read and change trust policies, for one call."""

    store: PolicyStore
    telemetry: Telemetry
    parse: Callable[[Any], TrustPolicy]
    caller: str

    def get(self, merchant: str) -> tuple[Mapping[str, Any], int]:
        """Return the document and its revision. Raises `TrustPolicyNotFound`."""
        stored = self.store.read(merchant)
        if stored.document is None:
            raise TrustPolicyNotFound("This merchant has no trust policy, so storefronts get no tokens. PUT one.")
        return stored.document, stored.revision

    def put(self, merchant: str, document: Mapping[str, Any], precondition: Precondition) -> tuple[int, bool]:
        """Check and store a document. Return its revision, and whether there was none before.

        Raises `InvalidRequest`, `PreconditionFailed`, `Conflict`.
        """
        if len(json.dumps(document).encode()) > MAX_BYTES:
            raise InvalidRequest(f"A trust policy must have at most {MAX_BYTES} bytes as JSON.")
        self.parse(document)
        before, after = self._change(merchant, Revisioned(document, changed_by=self.caller), precondition)
        return after.revision, before.document is None

    def delete(self, merchant: str, precondition: Precondition) -> bool:
        """Delete the policy, so that storefronts get no tokens. Return whether there was one.

        Raises `PreconditionFailed`, `Conflict`.
        """
        before, _ = self._change(merchant, Revisioned(changed_by=self.caller), precondition)
        return before.document is not None

    def _change(
        self, merchant: str, new: Revisioned[Mapping[str, Any]], precondition: Precondition
    ) -> tuple[Revisioned[Mapping[str, Any]], Revisioned[Mapping[str, Any]]]:
        before, after = change(self.store, merchant, new, precondition, what="trust policy")
        if after.revision != before.revision:
            self.telemetry.notice(
                "trust_policy_changed",
                merchant=merchant,
                revision=after.revision,
                deleted=new.document is None,
                caller=self.caller,
            )
        return before, after
