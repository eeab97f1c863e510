"""Runs in the measured process, which has only what Lambda has: imports `app`, calls its handler once, says what it
cost.

    python -P first_response.py REPORT_FD [SECONDS] < EVENT.json

The report is one JSON object. `answered` is on the monotonic clock, which all processes of a machine share: the parent
knows on it when this process was started. With SECONDS the handler is then called again and again for that long; from
the second call on, any use of a socket is an error.
"""

import json
import os
import sys
import time


class Context:
    """What Lambda gives a handler beside the event."""

    function_name = "measured"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:measured"
    aws_request_id = "7f2c1f0e-6f0c-4f52-9f5e-2c0a5f6d9b11"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds."""
        return 25_000


def _peak_mebibytes() -> float:
    try:
        # Not ru_maxrss: Linux carries the parent's peak into it.
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  # pathlib is not to be charged
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # bytes on macOS


def _refuse_sockets(event: str, _arguments: object) -> None:
    if event.startswith("socket."):
        raise RuntimeError(f"A warm call used the network: {event}")


def _status_of_decision(answer: dict[str, dict[str, list[dict[str, str]]]]) -> int:
    """What an authorizer's answer comes to."""
    return 200 if answer["policyDocument"]["Statement"][0]["Effect"] == "Allow" else 403


def main() -> None:
    """Measure."""
    event = json.load(sys.stdin)
    import app  # found through PYTHONPATH: each function's own

    context = Context()
    answer = app.handler(event, context)
    answered, cpu = time.monotonic(), time.process_time()
    # Nothing from here on is measured as part of the first answer.
    report: dict[str, object] = {
        "answered": answered,
        "cpu": cpu,
        "peak": _peak_mebibytes(),
        "modules": len(sys.modules),
        "loaded": [name for name in ("boto3", "requests", "pydantic", "aws_xray_sdk") if name in sys.modules],
        "status": answer["statusCode"] if "statusCode" in answer else _status_of_decision(answer),
        "body": answer.get("body"),
    }
    if len(sys.argv) > 2:
        sys.addaudithook(_refuse_sockets)
        durations = []
        until = time.monotonic() + float(sys.argv[2])
        while (began := time.perf_counter()) and time.monotonic() < until:
            again = app.handler(event, context)
            durations.append(time.perf_counter() - began)
            if again != answer:
                raise RuntimeError("A warm call gave another answer than the first one.")
        durations.sort()
        report["calls"] = len(durations)
        report["median"] = durations[len(durations) // 2]
        report["seconds"] = sum(durations)
    os.write(int(sys.argv[1]), json.dumps(report).encode())


main()
