"""Measure direct invocations on a running local stack: the shop's token, and a function that prints one line.

The slices of both functions alternate, so that whatever else the machine does meets both. All processes have answered
before. The token comes from their memory, where each keeps it for 30 s. The clients are one process, which signs each
request once.
"""

import asyncio
import io
import json
import re
import statistics
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.errors import CannotMeasureError
from benchmarks.own_stack import running_stack
from sandbox.local_stack import Stack

SHOP_TOKEN, ONE_LINE = "shop-token", "one-line"
#: The rounds with so many clients. The target is for 8.
ROUNDS = {1: 8, 8: 20, 32: 8}
#: Each function has one slice in a round, of about so many seconds.
SLICE = 1.0
#: Seconds for one slice, and for the first calls, which start all processes.
LONGEST, LONGEST_START = 30.0, 120.0
#: Both functions have these settings in common.
SAME = ("Runtime", "Role", "MemorySize", "Timeout", "Architectures", "TracingConfig")
ONE_LINE_CODE = 'def handler(event, context):\n    print("one line")\n    return {"printed": 1}\n'
MERCHANT = "demo"
_HEAD = re.compile(rb"HTTP/1\.1 (\d+).*?\r\ncontent-length: *(\d+)\r\n", re.DOTALL | re.IGNORECASE)


class Latency(NamedTuple):
    """Hold the milliseconds of one function's calls with so many clients, and the calls a second.

    `rounds_ms` has the median of each slice.
    """

    function: str
    clients: int
    p50_ms: float
    p95_ms: float
    per_second: float
    rounds_ms: tuple[float, ...] = ()


class _Call(NamedTuple):
    """Hold a whole HTTP request, which can be sent many times, and the body of its right answer."""

    function: str
    host: str
    port: int
    request: bytes
    answer: bytes = b""

    def check(self, status: int, body: bytes) -> None:
        """Raise `CannotMeasureError` unless this is the right answer."""
        if (status, body) != (200, self.answer):
            raise CannotMeasureError(f"The function {self.function} gave a wrong answer, with the status {status}.")


class _Slice(NamedTuple):
    """Hold the seconds of each call, and of the whole slice."""

    calls: list[float]
    seconds: float


def measure(folder: Path) -> Sequence[Latency]:
    """Measure both functions with each number of clients on the stack of a state folder.

    Raises `CannotMeasureError`.
    """
    try:
        stack = running_stack(folder)
        with _one_line_function(stack) as one_line:
            return asyncio.run(_measure(stack, one_line))
    except (BotoCoreError, ClientError, OSError, EOFError) as failure:
        raise CannotMeasureError(f"The local AWS did not respond: {type(failure).__name__}.") from None


@contextmanager
def _one_line_function(stack: Stack) -> Iterator[str]:
    """Yield the name of a function with the settings of the token's. Delete it afterward."""
    functions, name = stack.client("lambda"), f"bench-{uuid.uuid4().hex[:12]}"
    settings = functions.get_function_configuration(FunctionName=_name_of_token_function(stack))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("app.py", ONE_LINE_CODE)
    functions.create_function(
        FunctionName=name,
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        **{setting: settings[setting] for setting in SAME},
    )
    try:
        yield name
    finally:
        functions.delete_function(FunctionName=name)


def _name_of_token_function(stack: Stack) -> str:
    return str(stack.described["functions"]["shopify/storefront_access_token"])


async def _measure(stack: Stack, one_line: str) -> list[Latency]:
    calls = (
        _signed(stack, ONE_LINE, one_line, {})._replace(answer=b'{"printed": 1}'),
        await _with_token(_signed(stack, SHOP_TOKEN, _name_of_token_function(stack), {"merchant": MERCHANT})),
    )
    for call in calls:
        await _slice(call, max(ROUNDS), seconds=0, longest=LONGEST_START)
    return [latency for clients in ROUNDS for latency in await _compared(calls, clients)]


def _signed(stack: Stack, function: str, name: str, event: object) -> _Call:
    """Return the signed invocation of a function."""
    endpoint = stack.described["endpointUrl"]
    url, body = f"{endpoint}/2015-03-31/functions/{name}/invocations", json.dumps(event).encode()
    signed = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=body)
    SigV4Auth(stack.credentials(), "lambda", stack.described["region"]).add_auth(signed)
    address = urlsplit(url)
    headers = {"Host": address.netloc, "Content-Length": str(len(body)), **signed.headers}
    lines = [f"POST {address.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return _Call(function, str(address.hostname), address.port or 80, request)


async def _with_token(call: _Call) -> _Call:
    """Return the call with its right answer, the merchant's token.

    Raises `CannotMeasureError` if the answer is something else.
    """
    async with asyncio.timeout(LONGEST):
        reader, writer = await asyncio.open_connection(call.host, call.port)
        try:
            status, body = await _exchange(reader, writer, call.request)
        finally:
            writer.close()
    if status != 200 or b'"accessToken"' not in body:
        raise CannotMeasureError(f"The function {call.function} has no token of the merchant {MERCHANT}.")
    return call._replace(answer=body)


async def _compared(calls: Sequence[_Call], clients: int) -> list[Latency]:
    """Measure with so many clients: the slices of the calls alternate, in every second round the other way round."""
    slices: dict[str, list[_Slice]] = {call.function: [] for call in calls}
    for number in range(ROUNDS[clients]):
        for call in calls[:: -1 if number % 2 else 1]:
            slices[call.function].append(await _slice(call, clients))
    return [_latency(function, clients, found) for function, found in slices.items()]


def _latency(function: str, clients: int, slices: Sequence[_Slice]) -> Latency:
    times = [seconds * 1000 for each in slices for seconds in each.calls]
    rate = len(times) / sum(each.seconds for each in slices)
    medians = tuple(statistics.median(each.calls) * 1000 for each in slices)
    return Latency(function, clients, statistics.median(times), statistics.quantiles(times, n=20)[-1], rate, medians)


async def _slice(call: _Call, clients: int, seconds: float = SLICE, longest: float = LONGEST) -> _Slice:
    """Let each client call again and again, at least once, until the seconds are over."""
    began = time.perf_counter()
    async with asyncio.timeout(longest):
        found = await asyncio.gather(*(_client(call, began + seconds) for _ in range(clients)))
    return _Slice([each for times in found for each in times], time.perf_counter() - began)


async def _client(call: _Call, until: float) -> list[float]:
    """Return the seconds of each call over one kept connection."""
    reader, writer = await asyncio.open_connection(call.host, call.port)
    times: list[float] = []
    try:
        while not times or time.perf_counter() < until:
            began = time.perf_counter()
            answer = await _exchange(reader, writer, call.request)
            times.append(time.perf_counter() - began)
            call.check(*answer)
    finally:
        writer.close()
    return times


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send a request, and return its answer's status and body.

    Raises `CannotMeasureError` if the answer is no HTTP, or has no length.
    """
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    found = _HEAD.match(head)
    if found is None:
        raise CannotMeasureError("The local AWS gave an answer without a status or a length.")
    return int(found[1]), await reader.readexactly(int(found[2]))
