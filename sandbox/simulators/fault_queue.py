"""Queue the faults, and find the fault that a request meets."""

from dataclasses import dataclass

from sandbox.http_server.faults.canned_responses import CannedResponse, Garbage, Huge, Malformed, Redirect
from sandbox.http_server.faults.connection_faults import ActThenDrop, ActThenHang, Drop, Hang, Refuse
from sandbox.http_server.faults.corrupted_responses import ResponseOverride, SlowDrip, Truncated
from sandbox.http_server.faults.injected_fault import InjectedFault
from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import Request

MAX_TIMES = 1_000_000
KINDS: dict[str, type[InjectedFault]] = {
    "refuse": Refuse,
    "hang": Hang,
    "act_then_hang": ActThenHang,
    "status": CannedResponse,
    "drop_before_acting": Drop,
    "act_then_drop": ActThenDrop,
    "garbage": Garbage,
    "huge": Huge,
    "slow_drip": SlowDrip,
    "malformed": Malformed,
    "truncated": Truncated,
    "redirect": Redirect,
    "answer_override": ResponseOverride,
}


@dataclass
class Fault:
    """Wait for the next `left` requests to `provider` that have this method and this text in their target."""

    provider: str
    kind: str
    left: int
    method: str | None
    path_contains: str | None
    injected: InjectedFault

    def matches(self, provider: str, request: Request) -> bool:
        return (
            provider == self.provider
            and self.method in (None, request.method)
            and (self.path_contains or "") in request.target
        )

    def as_json(self) -> dict[str, object]:
        return {
            "provider": self.provider,
            "kind": self.kind,
            "left": self.left,
            "method": self.method,
            "pathContains": self.path_contains,
        }


def read_fault(value: object, providers: tuple[str, ...]) -> Fault:
    fields = Fields(value, "A fault")
    provider, kind = fields.choice("provider", providers), fields.choice("kind", tuple(KINDS))
    times = fields.whole("times", 1, 1, MAX_TIMES)
    method, path_contains = fields.optional_text("method"), fields.optional_text("pathContains")
    injected = KINDS[kind].read(fields)
    fields.finish()
    if kind == "refuse" and (method or path_contains):
        raise InputError("The fault refuse precedes the request: it takes no method and no pathContains.")
    return Fault(provider, kind, times, method.upper() if method else None, path_contains, injected)


class FaultQueue:
    """Queue faults, first in, first out among those that match.

    The caller holds the simulation's lock.
    """

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def take(self, provider: str, request: Request) -> Fault | None:
        matching = (fault for fault in self.waiting if fault.kind != "refuse" and fault.matches(provider, request))
        return self._used(next(matching, None))

    def take_refusal(self, provider: str) -> bool:
        matching = (fault for fault in self.waiting if fault.kind == "refuse" and fault.provider == provider)
        return self._used(next(matching, None)) is not None

    def _used(self, fault: Fault | None) -> Fault | None:
        if fault is not None:
            fault.left -= 1
            if fault.left == 0:
                self.waiting.remove(fault)
        return fault
