"""Check what a caller asks of the revision that it changes."""

from dataclasses import dataclass

from token_broker.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Precondition:
    """Hold the precondition of a request, from `If-Match` (`exists`, `revisions`) or `If-None-Match` (`absent`).

    `revisions` are the acceptable ones, or None for any.
    """

    revisions: frozenset[int] | None = None
    exists: bool = False
    absent: bool = False

    def check(self, revision: int | None, *, what: str) -> None:
        """Check the stored `revision`, which is None if nothing is stored. Raises `PreconditionFailed`.

        `what` names the document in the error's detail.
        """
        if self.absent and revision is not None:
            raise PreconditionFailed(f"A {what} exists already. Get it and send its ETag as If-Match.")
        if self.exists and revision is None:
            raise PreconditionFailed(f"There is no {what}. Leave If-Match out to create one.")
        if self.revisions is not None and revision not in self.revisions:
            raise PreconditionFailed(f"The {what} has changed. Get it again, and apply your change to the new version.")
