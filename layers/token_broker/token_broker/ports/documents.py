"""Define the store of documents with a revision, and change a document by compare and set."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from token_broker.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.domain.fields import Precondition

#: Attempts to change a document, since another change can come between the read and the write.
MAX_ATTEMPTS = 3


class Revisioned[T](NamedTuple):
    """Hold a merchant's document with its revision, which rises with every change and every deletion.

    `document` is None if there is none. If there was never one, `revision` is 0. `due_at` is when the worker checks the
    document next, in Unix seconds. It is None if no check is wanted.
    """

    document: T | None = None
    revision: int = 0
    changed_by: str = ""
    due_at: int | None = None


class Documents[T](Protocol):
    """Store one document of a kind for each merchant. Raises `StorageUnavailable` if the storage fails."""

    def read(self, merchant: str) -> Revisioned[T]:
        """Return the merchant's document, read consistently."""

    def replace(self, merchant: str, new: Revisioned[T], *, expected: int) -> bool:
        """Store the document if the revision is still `expected`. Return whether it was stored."""


class StoredPolicy(NamedTuple):
    """Hold a merchant's trust policy with its preview origins. `document` is None if there is no policy.

    `previews` has each origin's end in Unix seconds. Each change of them has another `preview_change`.
    """

    document: Mapping[str, Any] | None = None
    previews: Mapping[str, int] = MappingProxyType({})
    preview_change: str = ""


type PolicyStore = Documents[Mapping[str, Any]]


class PreviewStore(Protocol):
    """Store preview origins beside trust policies, without an effect on a policy's revision."""

    def read_all(self, merchant: str) -> StoredPolicy:
        """Return the policy and the preview origins, also ended ones, in one consistent read."""

    def replace_previews(self, merchant: str, ends: Mapping[str, int], *, expected: str) -> bool:
        """Store the preview origins if their change is still `expected` and there is a policy.

        Return whether they were stored.
        """


def change[T](
    documents: Documents[T], merchant: str, new: Revisioned[T], precondition: Precondition, *, what: str
) -> tuple[Revisioned[T], Revisioned[T]]:
    """Store `new` under the next revision. Return what was stored before, and what is stored now.

    Nothing changes if the same content is stored already, so that a call can be repeated with its precondition. `what`
    names the document in an error's detail. Raises `PreconditionFailed` and `Conflict`.
    """
    for _ in range(MAX_ATTEMPTS):
        before = documents.read(merchant)
        if _text(before.document) == _text(new.document):
            return before, before
        precondition.check(None if before.document is None else before.revision, what=what)
        after = new._replace(revision=before.revision + 1)
        if documents.replace(merchant, after, expected=before.revision):
            return before, after
    raise Conflict(f"Other callers are changing this {what}. Try again in a moment.")


def _text(document: object) -> str:
    """Return the content as text, which tells true from 1. In Python they are equal."""
    return json.dumps(document, sort_keys=True, default=repr)
