"""Import `app` in a fresh process, and call its handler as often as the parent process wants.

    python -P invocations.py REPORT_FD < COMMANDS

The first line of the commands is the event. The process imports `app` and reports it. The second line makes it call the
handler once. Each further line is a number of seconds, for which it calls the handler again and again. Each line gets
one JSON object as its report. Times are on the monotonic clock, which all processes of a machine share.
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


def _status_of_decision(response: dict[str, dict[str, list[dict[str, str]]]]) -> int:
    """Return the status that an authorizer's response leads to."""
    return 200 if response["policyDocument"]["Statement"][0]["Effect"] == "Allow" else 403


def main() -> None:
    """Do what the commands say, until they end."""
    event = json.loads(sys.stdin.readline())
    import app  # found through PYTHONPATH: each function's own

    context = Context()
    _report(ready=time.monotonic())
    sys.stdin.readline()
    called = time.monotonic()
    response = app.handler(event, context)
    answered, cpu = time.monotonic(), time.process_time()
    # Nothing from here on is part of the first invocation's time.
    _report(
        called=called,
        answered=answered,
        cpu=cpu,
        peak=_peak_mebibytes(),
        modules=sorted(sys.modules),
        status=response["statusCode"] if "statusCode" in response else _status_of_decision(response),
        body=response.get("body"),
    )
    for line in sys.stdin:
        durations = []
        until = time.monotonic() + float(line)
        while (began := time.perf_counter()) and time.monotonic() < until:
            again = app.handler(event, context)
            durations.append(time.perf_counter() - began)
            if again != response:
                raise RuntimeError("A warm call gave another response than the first one.")
        durations.sort()
        _report(calls=len(durations), median=durations[len(durations) // 2])


def _report(**values: object) -> None:
    os.write(int(sys.argv[1]), json.dumps(values).encode() + b"\n")


main()
