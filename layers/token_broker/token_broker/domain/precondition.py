"""What a caller asks of the revision that it changes."""

from dataclasses import dataclass

from token_broker.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Precondition:
    """What a change asks of what stands: one of the `revisions` (None: anything), or that nothing does."""

    revisions: frozenset[int] | None = None
    exists: bool = False
    absent: bool = False

    def check(self, stands: int | None, *, what: str = "trust policy") -> None:
        """Raises `PreconditionFailed`. `stands` is the revision of what there is, None where there is nothing."""
        if self.absent and stands is not None:
            raise PreconditionFailed(f"There is a {what} already. Get it, and send its ETag as If-Match.")
        if self.exists and stands is None:
            raise PreconditionFailed(f"There is no {what}. Leave If-Match out to make one.")
        if self.revisions is not None and stands not in self.revisions:
            raise PreconditionFailed(f"The {what} has been changed since. Get it, and make the change to that.")
