"""Which calls go wrong, and how.

throttled  AWS refuses it, because there are too many            nothing was done
failed     AWS answers with its 500                              nothing was done
reset      the connection is reset before AWS gets the call      nothing was done
held       AWS gets the call only when the fault is lifted, and then does it, though its caller has left
late       AWS gets the call only after `seconds`, and then does it, though its caller has left
unheard    AWS does it, and the connection ends without a word
cut        AWS does it, and its answer breaks off after one byte of the body
slow       AWS does it at once, and answers after `seconds`
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from sandbox.fault_proxy.calls import Call
from sandbox.http_server.client_connection import ClientConnection
from sandbox.http_server.faults.canned_responses import CannedResponse
from sandbox.http_server.faults.connection_faults import ActThenDrop, ActThenHang, Drop, Hang
from sandbox.http_server.faults.injected_fault import Act, InjectedFault
from sandbox.http_server.json_fields import Fields
from sandbox.http_server.messages import json_response

MAX_TIMES = 1_000_000
MAX_SECONDS = 60.0
HOLD_STEP = 0.05

_JSON = {"Content-Type": "application/x-amz-json-1.0"}
_PREFIX = {"dynamodb": "com.amazonaws.dynamodb.v20120810#", "sqs": "com.amazonaws.sqs#"}
_THROTTLED = {"dynamodb": "ProvisionedThroughputExceededException", "sqs": "RequestThrottled"}
_FAILED = {"dynamodb": "InternalServerError", "secretsmanager": "InternalServiceError"}


@dataclass(frozen=True)
class CutResponse:
    """The true answer's head and the first byte of its body."""

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls()

    def inject(self, act: Act, connection: ClientConnection) -> None:
        answer = act()
        connection.drop(reset=False)
        connection.send(connection.head_of(answer, max(2, len(answer.body))) + answer.body[:1])


@dataclass(frozen=True)
class HeldCall:
    """Acts when it is released, whoever waits then."""

    released: threading.Event

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls(threading.Event())

    def inject(self, act: Act, connection: ClientConnection) -> None:
        waited = 0.0
        while not self.released.is_set() and waited < MAX_SECONDS:
            connection.pause(HOLD_STEP, ignore_disconnect=True)
            waited += HOLD_STEP
        connection.respond(act())


def _error(call: Call, status: int, codes: dict[str, str], otherwise: str) -> InjectedFault:
    """AWS's own answer, in the form in which these services give it."""
    code = _PREFIX.get(call.service, "") + codes.get(call.service, otherwise)
    return CannedResponse(json_response(status, {"__type": code, "message": "By the fault proxy."}, _JSON), act=False)


#: What each kind does to a call.
_EFFECTS: dict[str, Callable[["Fault", Call], InjectedFault]] = {
    "throttled": lambda _fault, call: _error(call, 400, _THROTTLED, "ThrottlingException"),
    "failed": lambda _fault, call: _error(call, 500, _FAILED, "InternalFailure"),
    "reset": lambda _fault, _call: Drop(reset=True),
    "held": lambda fault, _call: HeldCall(fault.lifted),
    "late": lambda fault, _call: Hang(fault.seconds, late=True),
    "unheard": lambda _fault, _call: ActThenDrop(reset=False),
    "cut": lambda _fault, _call: CutResponse(),
    "slow": lambda fault, _call: ActThenHang(fault.seconds),
}
#: Those that end by themselves; `held` lasts until it is lifted.
KINDS = tuple(kind for kind in _EFFECTS if kind != "held")


@dataclass
class Fault:
    """Spoils calls of a kind: after the first `skip` of them the next `left`, each with the probability `share`.

    `onwards`: once it has struck, it applies_to calls of every service and operation.

    `contains`: what must stand in the body. `each`: how often a call with the very same body is spoilt at most, so that
    the SDK's own repetition, of two, gets through.
    """

    kind: str
    service: str | None
    operation: str | None
    contains: bytes
    onwards: bool
    skip: int
    left: int
    share: float
    each: int
    seconds: float
    chance: random.Random
    lifted: threading.Event = field(default_factory=threading.Event)
    _injected: Counter[bytes] = field(default_factory=Counter)

    def applies_to(self, call: Call) -> bool:
        """Whether it spoils this call, and counts it."""
        if self.left == 0 or self.contains not in call.body or not self._matches(call):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self._injected[call.body] >= self.each or self.chance.random() >= self.share:
            return False
        self._injected[call.body] += 1
        self.left -= 1
        return True

    def _matches(self, call: Call) -> bool:
        if self.onwards and self._injected:
            return True
        return self.service in (None, call.service) and self.operation in (None, call.operation)

    def effect_on(self, call: Call) -> InjectedFault:
        """What is done to the call."""
        return _EFFECTS[self.kind](self, call)


def read_fault(value: object) -> Fault:
    """The fault that a control request asks for. Raises InputError."""
    fields = Fields(value, "A fault")
    fault = Fault(
        kind=fields.choice("kind", tuple(_EFFECTS)),
        service=fields.optional_text("service"),
        operation=fields.optional_text("operation"),
        contains=(fields.optional_text("contains") or "").encode(),
        onwards=fields.flag("onwards", default=False),
        skip=fields.whole("skip", 0, 0, MAX_TIMES),
        left=fields.whole("times", 1, 1, MAX_TIMES),
        share=fields.number("share", 1, 0, 1),
        each=fields.whole("each", MAX_TIMES, 1, MAX_TIMES),
        seconds=fields.number("seconds", 2.5, 0, MAX_SECONDS),
        chance=random.Random(fields.whole("seed", 0, 0, 1 << 32)),
    )
    fields.finish()
    return fault
