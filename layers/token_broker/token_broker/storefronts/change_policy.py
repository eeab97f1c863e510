"""Read, replace and delete a merchant's trust policy, for merchants' backends and operators.

A policy has a revision that rises with every change, also with a deletion. A caller that changes a policy can name the
revision that it has read in `If-Match`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from token_broker.domain.revision import Precondition, StoredPolicy
from token_broker.errors import Conflict, InvalidRequest, TrustPolicyNotFound
from token_broker.ports.policies import PolicyStore
from token_broker.ports.telemetry import Telemetry
from token_broker.storefronts.trust_policy import TrustPolicy

#: Attempts to change a policy, since another change can come between the read and the write.
MAX_ATTEMPTS = 3
#: Size of the document as JSON. An authorizer reads it while a page waits.
MAX_BYTES = 16 * 1024


class TrustPolicies:
    """Read and change trust policies, for one call."""

    def __init__(
        self, store: PolicyStore, telemetry: Telemetry, parse: Callable[[Any], TrustPolicy], *, caller: str
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._parse = parse
        self._caller = caller

    def get(self, merchant: str) -> tuple[Mapping[str, Any], int]:
        """Return the document and its revision. Raises `TrustPolicyNotFound`."""
        stored = self._store.read(merchant)
        if stored is None or stored.document is None:
            raise TrustPolicyNotFound("This merchant has no trust policy, so storefronts get no tokens. PUT one.")
        return stored.document, stored.revision

    def put(self, merchant: str, document: Mapping[str, Any], precondition: Precondition) -> tuple[int, bool]:
        """Check and store a document. Return its revision, and whether there was none before.

        Raises `InvalidRequest`, `PreconditionFailed`, `Conflict`.
        """
        if len(_text(document).encode()) > MAX_BYTES:
            raise InvalidRequest(f"A trust policy must have at most {MAX_BYTES} bytes as JSON.")
        self._parse(document)
        revision, before = self._change(merchant, document, precondition)
        return revision, before is None

    def delete(self, merchant: str, precondition: Precondition) -> bool:
        """Delete the policy, so that storefronts get no tokens. Return whether there was one.

        Raises `PreconditionFailed`, `Conflict`.
        """
        _, before = self._change(merchant, None, precondition)
        return before is not None

    def _change(
        self, merchant: str, document: Mapping[str, Any] | None, precondition: Precondition
    ) -> tuple[int, Mapping[str, Any] | None]:
        for _ in range(MAX_ATTEMPTS):
            stored = self._store.read(merchant)
            revision, before = (0, None) if stored is None else (stored.revision, stored.document)
            precondition.check(None if before is None else revision)
            if _text(before) == _text(document):
                return revision, before  # a repeated call changes nothing
            new = StoredPolicy(document=document, revision=revision + 1, changed_by=self._caller)
            if self._store.replace(merchant, new, expected=revision):
                self._telemetry.notice(
                    "trust_policy_changed",
                    merchant=merchant,
                    revision=new.revision,
                    deleted=document is None,
                    caller=self._caller,
                )
                return new.revision, before
        raise Conflict("Other callers are changing this trust policy. Try again in a moment.")


def _text(document: Mapping[str, Any] | None) -> str:
    """Return a document as text, which tells true from 1. In Python they are equal."""
    return json.dumps(document, sort_keys=True)
