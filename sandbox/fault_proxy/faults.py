"""Choose the calls that get a fault, and its effect.

throttled  AWS rejects the call, because there are too many          nothing was done
failed     AWS responds with its 500                                 nothing was done
reset      the connection is reset before AWS receives the call      nothing was done
held       AWS receives and executes the call only when the fault is deleted, even if the caller has left
late       AWS receives and executes the call only after `seconds`, even if the caller has left
unheard    AWS executes the call, and the connection ends without a response
cut        AWS executes the call, and its response ends after one byte of the body
slow       AWS executes the call at once, and the response comes after `seconds`

What follows is for reads. If one without the SDK fails, the SDK reads again.

html       the response is a web page with status 200                nothing was done
gzip       AWS executes the call, and its response is compressed
too_large  the response is 413                                       nothing was done
expired    AWS rejects the call, because the session token has ended nothing was done
skewed     AWS rejects the call, because the clock is wrong          nothing was done
"""

import gzip
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
from sandbox.http_server.messages import Response, json_response

MAX_TIMES = 1_000_000
MAX_SECONDS = 60.0
HOLD_STEP = 0.05

_HTML, _PAGE = {"Content-Type": "text/html"}, b"<!doctype html><html><body>Log in</body></html>"
_JSON = {"Content-Type": "application/x-amz-json-1.0"}
_PREFIX = {"dynamodb": "com.amazonaws.dynamodb.v20120810#", "sqs": "com.amazonaws.sqs#"}
_THROTTLED = {"dynamodb": "ProvisionedThroughputExceededException", "sqs": "RequestThrottled"}
_FAILED = {"dynamodb": "InternalServerError", "secretsmanager": "InternalServiceError"}


@dataclass(frozen=True)
class CutResponse:
    """Send the head of the response and the first byte of its body."""

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls()

    def inject(self, act: Act, connection: ClientConnection) -> None:
        response = act()
        connection.drop(reset=False)
        connection.send(connection.head_of(response, max(2, len(response.body))) + response.body[:1])


@dataclass(frozen=True)
class CompressedResponse:
    """Compress the response, though nobody accepts that."""

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls()

    def inject(self, act: Act, connection: ClientConnection) -> None:
        response = act()
        headers = {**response.headers, "Content-Encoding": "gzip"}
        connection.respond(Response(response.status, headers, gzip.compress(response.body)))


@dataclass(frozen=True)
class HeldCall:
    """Act when the fault is deleted, even if the caller has left."""

    deleted: threading.Event

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls(threading.Event())

    def inject(self, act: Act, connection: ClientConnection) -> None:
        waited = 0.0
        while not self.deleted.is_set() and waited < MAX_SECONDS:
            connection.pause(HOLD_STEP, ignore_disconnect=True)
            waited += HOLD_STEP
        connection.respond(act())


def _error(call: Call, status: int, codes: dict[str, str], otherwise: str) -> InjectedFault:
    """Return AWS's own error response, in the form of these services."""
    code = _PREFIX.get(call.service, "") + codes.get(call.service, otherwise)
    return CannedResponse(json_response(status, {"__type": code, "message": "By the fault proxy."}, _JSON), act=False)


#: The fault that each kind injects.
_EFFECTS: dict[str, Callable[["Fault", Call], InjectedFault]] = {
    "throttled": lambda _fault, call: _error(call, 400, _THROTTLED, "ThrottlingException"),
    "failed": lambda _fault, call: _error(call, 500, _FAILED, "InternalFailure"),
    "reset": lambda _fault, _call: Drop(reset=True),
    "held": lambda fault, _call: HeldCall(fault.deleted),
    "late": lambda fault, _call: Hang(fault.seconds, late=True),
    "unheard": lambda _fault, _call: ActThenDrop(reset=False),
    "cut": lambda _fault, _call: CutResponse(),
    "slow": lambda fault, _call: ActThenHang(fault.seconds),
    "html": lambda _fault, _call: CannedResponse(Response(200, _HTML, _PAGE), act=False),
    "gzip": lambda _fault, _call: CompressedResponse(),
    "too_large": lambda _fault, _call: CannedResponse(Response(413, _HTML, _PAGE), act=False),
    "expired": lambda _fault, call: _error(call, 400, {}, "ExpiredTokenException"),
    "skewed": lambda _fault, call: _error(call, 400, {}, "InvalidSignatureException"),
}
#: The kinds for reads alone.
READ_KINDS = ("html", "gzip", "too_large", "expired", "skewed")
#: The kinds that end by themselves. `held` lasts until it is deleted.
KINDS = tuple(kind for kind in _EFFECTS if kind not in ("held", *READ_KINDS))


@dataclass
class Fault:
    """Inject faults of a kind into calls.

    The first `skip` matching calls pass. The next `left` calls get the fault, each with the probability `share`. With
    `onwards`, calls of every service and operation match after the first fault. `contains` is a text in the body. A
    call with the same body gets at most `each` faults, so that the SDK's second try can succeed.
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
    deleted: threading.Event = field(default_factory=threading.Event)
    _injected: Counter[bytes] = field(default_factory=Counter)

    def applies_to(self, call: Call) -> bool:
        """Return whether this call gets the fault, and count it."""
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
        """Return the fault to inject into the call."""
        return _EFFECTS[self.kind](self, call)


def read_fault(value: object) -> Fault:
    """Read the fault from a control request.

    Raises `InputError`.
    """
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
