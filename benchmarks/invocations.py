"""Import `app` in the measured process, call its handler once, and report the cost.

    python -P first_response.py REPORT_FD [SECONDS] < EVENT.json

The process has only the packages of Lambda. The report is one JSON object. `answered` is on the monotonic clock, which
all processes of a machine share. The parent knows on it when it started this process. With SECONDS, the handler is
called repeatedly for that long. From the second call on, any use of a socket is an error.
"""

import json
import os
import sys
import time


class Context:
    """Provide the context that Lambda gives a handler."""

    function_name = "measured"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:measured"
    aws_request_id = "7f2c1f0e-6f0c-4f52-9f5e-2c0a5f6d9b11"

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining milliseconds."""
        return 25_000


def _peak_mebibytes() -> float:
    try:
        # Not ru_maxrss, because on Linux it contains the parent's peak.
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  # the measurement must not include pathlib
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # bytes on macOS


def _refuse_sockets(event: str, _arguments: object) -> None:
    if event.startswith("socket."):
        raise RuntimeError(f"A warm call used the network: {event}")


def _status_of_decision(response: dict[str, dict[str, list[dict[str, str]]]]) -> int:
    """Return the status that an authorizer's response leads to."""
    return 200 if response["policyDocument"]["Statement"][0]["Effect"] == "Allow" else 403


def main() -> None:
    """Measure the handler."""
    event = json.load(sys.stdin)
    import app  # found through PYTHONPATH: each function's own

    context = Context()
    response = app.handler(event, context)
    answered, cpu = time.monotonic(), time.process_time()
    # Nothing from here on is part of the first response's time.
    report: dict[str, object] = {
        "answered": answered,
        "cpu": cpu,
        "peak": _peak_mebibytes(),
        "modules": len(sys.modules),
        "names": sorted(sys.modules),
        "loaded": [name for name in ("boto3", "requests", "pydantic", "aws_xray_sdk") if name in sys.modules],
        "status": response["statusCode"] if "statusCode" in response else _status_of_decision(response),
        "body": response.get("body"),
    }
    if len(sys.argv) > 2:
        sys.addaudithook(_refuse_sockets)
        durations = []
        until = time.monotonic() + float(sys.argv[2])
        while (began := time.perf_counter()) and time.monotonic() < until:
            again = app.handler(event, context)
            durations.append(time.perf_counter() - began)
            if again != response:
                raise RuntimeError("A warm call gave another response than the first one.")
        durations.sort()
        report["calls"] = len(durations)
        report["median"] = durations[len(durations) // 2]
        report["seconds"] = sum(durations)
    os.write(int(sys.argv[1]), json.dumps(report).encode())


main()
