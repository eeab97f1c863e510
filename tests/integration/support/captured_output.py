"""Everything that leaves the functions, gathered while they run, and searched for values in all spellings."""

import base64
import html
import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.integration.support.functions import Worker
from tests.integration.support.in_process_stack import Stack

#: The one member of an answer, and of an item, in which a token's value may stand.
VALUE = "accessToken"


def spellings(value: str) -> Iterator[str]:
    """Yield the value escaped for a URL, JSON or HTML, in hex, backwards, and in base64 at any offset."""
    octets = value.encode()
    yield from (value, value[::-1], value.upper(), octets.hex(), html.escape(value), octets[::-1].hex())
    yield from (quote(value, safe=""), quote_plus(value), quote(quote(value, safe=""), safe=""))
    yield from (json.dumps(value)[1:-1], json.dumps(json.dumps(value))[3:-3])
    yield "".join(f"\\u{ord(char):04x}" for char in value)
    yield "".join(f"%{octet:02x}" for octet in octets)
    yield from (base64.b32encode(octets).decode().rstrip("=")[:-2], octets.hex(" "))
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + octets).decode()
        core = encoded[4 if offset else 0 :].rstrip("=")[:-2]
        yield from (core, core.replace("+", "-").replace("/", "_"))


def found(values: set[str], text: str) -> list[str]:
    """Which of the values a text holds, in whatever spelling; named by how they begin, for a report is a log too."""
    folded = text.casefold()
    return sorted(
        f"{value[:8]}…({len(value)})" for value in values if any(form.casefold() in folded for form in spellings(value))
    )


@dataclass
class Leaving:
    """`texts` is what was written, raised, sent or answered, without tokens where they belong; `tokens` are those."""

    stack: Stack
    texts: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    #: Error codes that were told.
    codes: set[str] = field(default_factory=set)

    def ask(self, worker: Worker, event: Any, *, seconds: float = 25.0) -> Any:
        """Invoke; the answer, or None where something was raised."""
        try:
            answer = worker.invoke(event, seconds=seconds)
        except BaseException as raised:  # noqa: BLE001  # also what ends a process: Lambda writes a traceback of it
            told = "".join(traceback.format_exception(raised))
            self.texts += [told, repr(raised), repr(raised.args)]
            self._note_code(str(raised))
            return None
        shown = dict(answer)
        if "body" in shown:
            shown["body"] = json.loads(shown["body"] or "{}")
            self._note_code(answer["body"])
        self.texts.append(json.dumps(self._without_tokens(shown), ensure_ascii=False))
        return answer

    def _note_code(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        if isinstance(said, dict) and "code" in said:
            self.codes.add(str(said["code"]))

    def _without_tokens(self, value: Any) -> Any:
        if isinstance(value, dict):
            if isinstance(token := value.get(VALUE), str):
                self.tokens.add(token)
            return {name: self._without_tokens(each) for name, each in value.items() if name != VALUE}
        return [self._without_tokens(each) for each in value] if isinstance(value, list) else value

    def sent(self, params: dict[str, Any], **_: Any) -> None:
        """Capture the body of a request to a service that forwards data, from botocore's event `before-call`."""
        body = params["body"]
        self.texts.append(body.decode() if isinstance(body, bytes) else str(body))

    def gather(self, capsys: pytest.CaptureFixture[str]) -> str:
        """All of it, with what was logged and printed, and what the table holds beside tokens."""
        self.texts += [line for worker in self.stack.workers.values() for line in worker.log]
        printed = capsys.readouterr()
        self.texts += [printed.out, printed.err]
        self.texts.append(json.dumps(self._without_tokens(self.stack.items()), default=str, ensure_ascii=False))
        return "\n".join(self.texts)

    def values(self) -> set[str]:
        """Every secret of the demo merchant, and every token that was seen."""
        return self.stack.values() | self.tokens
