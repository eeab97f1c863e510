"""Changing and reading a merchant's trust policy: for merchants' backends and operators.

A policy has a revision, which rises with every change, also over a deletion: whoever changes what stands says by
`If-Match` what they have revision.
"""

import json
from collections.abc import Mapping
from typing import Any

from token_broker.domain.precondition import Precondition
from token_broker.errors import Conflict, InvalidRequest, TrustPolicyNotFound
from token_broker.ports.policies import PolicyStore, StoredPolicy
from token_broker.ports.telemetry import Telemetry
from token_broker.storefronts.trust_policy import parse

#: Times that a change is tried again where another came between its reading and its writing.
TRIES = 3
#: Bytes as JSON: an authorizer reads it in the way of a page.
MAX_BYTES = 16 * 1024


class TrustPolicies:
    """The operations on trust policies for one call."""

    def __init__(self, store: PolicyStore, telemetry: Telemetry, *, caller: str, loopback_jwks_origin: str) -> None:
        self._store = store
        self._telemetry = telemetry
        self._caller = caller
        self._loopback_jwks_origin = loopback_jwks_origin

    def get(self, merchant: str) -> tuple[Mapping[str, Any], int]:
        """The document and its revision. Raises `TrustPolicyNotFound`."""
        stored = self._store.read(merchant)
        if stored is None or stored.document is None:
            raise TrustPolicyNotFound("This merchant has no trust policy: storefronts get nothing. Put one.")
        return stored.document, stored.revision

    def put(self, merchant: str, document: Mapping[str, Any], precondition: Precondition) -> tuple[int, bool]:
        """Check and store a document: its revision, and whether there was none before.

        Raises `InvalidRequest`, `PreconditionFailed`, `Conflict`.
        """
        if len(_text(document).encode()) > MAX_BYTES:
            raise InvalidRequest(f"A trust policy must have at most {MAX_BYTES} bytes as JSON.")
        parse(document, loopback_jwks_origin=self._loopback_jwks_origin)
        revision, before = self._change(merchant, document, precondition)
        return revision, before is None

    def delete(self, merchant: str, precondition: Precondition) -> bool:
        """From now on storefronts get nothing. Whether there was a policy. Raises `PreconditionFailed`, `Conflict`."""
        _, before = self._change(merchant, None, precondition)
        return before is not None

    def _change(
        self, merchant: str, document: Mapping[str, Any] | None, precondition: Precondition
    ) -> tuple[int, Mapping[str, Any] | None]:
        for _ in range(TRIES):
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
        raise Conflict("Others are changing this trust policy right now. Ask again in a moment.")


def _text(document: Mapping[str, Any] | None) -> str:
    """A document so that two are the same text only if they say the same: in Python True equals 1."""
    return json.dumps(document, sort_keys=True)
