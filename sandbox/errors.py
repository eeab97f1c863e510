"""Define the one error of the local stack."""

from pathlib import Path


class StackError(Exception):
    """Report why a command failed.

    The text is a sentence that helps. `log` is the file with the details.
    """

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log
