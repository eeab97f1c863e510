"""Print the demo: each request, its response, and the requests to the provider."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.demo.masking import masked, without_values


class Transcript:
    """Print one scene after another."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scene = 0

    def scene(self, title: str, why: str) -> None:
        """Print the title of an operation."""
        self._scene += 1
        self._console.print(f"\n[bold cyan]{self._scene}. {title}[/]  [dim]{why}[/]", highlight=False, soft_wrap=True)

    def asked(self, what: str, body: object = None) -> None:
        """Print the request."""
        text = f" {json.dumps(body, ensure_ascii=False)}" if body is not None else ""
        self._line("asked", f"[bold]{what}[/]", text)

    def answered(self, status: str, response: Any, *, good: bool) -> None:
        """Print the response in a line or two, with its tokens masked."""
        color = "green" if good else "yellow"
        self._line("got", f"[{color}]{status}[/]", f" {_summary(response)}")

    def provider_saw(self, requests: Sequence[dict[str, Any]]) -> None:
        """Print the requests to the provider since the last scene."""
        if not requests:
            self._line("provider", "[dim]was not called[/]", "")
        for seen in requests:
            self._line("provider", f"{seen['method']} {seen['path']}", f" → {seen['status']}")

    def table(self, items: Sequence[dict[str, Any]]) -> None:
        """Print the token table with its values masked."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("partition", "item"):
            table.add_column(name, overflow="fold")
        for name in ("state", "expires at (UTC)", "fingerprint"):
            table.add_column(name, no_wrap=True)
        for item in items:
            value = item.get("accessToken")
            table.add_row(
                item["pk"],
                item["sk"],
                item.get("state", ""),
                _utc(item.get("expiresAt")),
                item.get("fingerprint", masked(value) if value else ""),
            )
        self._console.print(table)

    def say(self, text: str) -> None:
        """Print a line of prose."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def _line(self, label: str, marked_up: str, plain: str) -> None:
        row = Table.grid(padding=(0, 2))
        row.add_column(width=11, justify="right", style="dim")
        row.add_column(overflow="fold")
        row.add_row(label, Text.from_markup(marked_up).append(plain))
        self._console.print(row)


def _utc(seconds: Any) -> str:
    return "" if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M")


def _summary(response: Any) -> str:
    """Return the important members in one line. `curl` shows the others."""
    shown = without_values(response)
    if isinstance(shown, dict) and "counts" in shown:
        found = " · ".join(f"{count} {kind}" for kind, count in shown["counts"].items() if count)
        done = "applied" if shown["applied"] else "nothing changed"
        return f"{shown['used']} of {shown['limit']} slots used: {found} ({done})"
    if isinstance(shown, dict) and "tokens" in shown:
        rows = [
            f"{token['tokenId']} {token['origin']}/{token['state']} “{token.get('title', '')}”"
            for token in shown["tokens"]
        ]
        return f"{shown['used']} of {shown['limit']} slots used: " + " · ".join(rows)
    if isinstance(shown, dict) and "history" in shown:
        steps = [f"{line['to']} ({line['why']}, by {line['by']})" for line in shown["history"]]
        return f"{shown['tokenId']} “{shown.get('title', '')}”: " + " → ".join(steps)
    if isinstance(shown, dict) and "accessToken" in shown:
        use = shown["use"]
        kept = ("tokenId", "accessToken", "expiresAt", "title")
        story = {name: shown[name] for name in kept if shown.get(name) not in (None, [])}
        return f"{json.dumps(story, ensure_ascii=False)} · use it as {use['in']} {use['name']}"
    if isinstance(shown, dict) and "code" in shown:
        return f"{shown['code']}: {shown['detail']}"
    return json.dumps(shown, ensure_ascii=False)
