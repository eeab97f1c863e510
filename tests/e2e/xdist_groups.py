"""Which tests stay together where several processes run them, each with a stack of its own."""

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

#: Where the tests are that need the stack with the fault proxy.
FAULTS = "tests/e2e/faults/"


class StackEach(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests, whose fixtures they share; and all those that need the stack with the fault proxy."""

    def _split_scope(self, nodeid: str) -> str:
        return "faults" if nodeid.startswith(FAULTS) else str(super()._split_scope(nodeid))
