"""The one error of the local stack."""

from pathlib import Path


class StackError(Exception):
    """The text is a sentence that helps; `log` is where the whole story is."""

    def __init__(self, sentence: str, log: Path | None = None) -> None:
        super().__init__(sentence)
        self.log = log
