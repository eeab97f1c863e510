"""Run `python -m tests.smoke safe|destructive`, as `make smoke` and `make smoke-destructive` do.

The exit status is 0 if nothing fell short, 1 if something did, and 2 if no check could run.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from tests.smoke import destructive, safe
from tests.smoke.deployed import CannotStartError, Deployed, find
from tests.smoke.outcomes import Check, Outcome, Result, outcomes

_CHECKS = {"safe": safe.CHECKS, "destructive": destructive.CHECKS}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.smoke", description="Check a deployed stack.")
    parser.add_argument("checks", choices=_CHECKS)
    parser.add_argument("--stack", default="", help="the stack's name")
    parser.add_argument("--region", default="", help="its Region (default: the one of your credentials)")
    parser.add_argument("--merchant", default="", help="a merchant for tests")
    parser.add_argument("--api-url", default="", help="the API's address (default: the stack's output ApiUrl)")
    chosen = parser.parse_args(arguments)
    try:
        stack = find(chosen.stack, chosen.region, chosen.merchant, chosen.api_url)
        if chosen.checks == "destructive":
            _confirm(stack)
    except CannotStartError as reason:
        sys.stderr.write(f"{reason}\n")
        return 2
    try:
        return _run(_CHECKS[chosen.checks], stack)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What a check had switched off is on again.\n")
        return 130


def _run(checks: Sequence[Check], stack: Deployed) -> int:
    _say(f"{stack.name} in {stack.region}, merchant {stack.merchant}: {len(checks)} checks")
    counted: Counter[Result] = Counter()
    for outcome in outcomes(checks, stack):
        _say(_shown(outcome))
        counted[outcome.result] += 1
    _say("\n" + ", ".join(f"{counted[result]} {result}" for result in Result))
    return 1 if counted[Result.FELL_SHORT] else 0


def _confirm(stack: Deployed) -> None:
    _say(f"These checks create and revoke tokens of the merchant {stack.merchant}, also at its providers.")
    _say("They throttle functions, hold up events and flood a route, for some minutes each. Others notice it.")
    _say(f"Type the stack's name to run them on {stack.name} in {stack.region}:")
    if sys.stdin.readline().strip() != stack.name:
        raise CannotStartError("This is not the stack's name, so nothing was run.")


def _shown(outcome: Outcome) -> str:
    first, *more = outcome.lines if outcome.result is not Result.HELD else (f"({outcome.lines[0]})",)
    head = f"{outcome.result:<12} {outcome.check}"
    if outcome.result is Result.HELD:
        return f"{head} {first}"
    return "\n".join([head, *(f"{'':<14}{line}" for line in (first, *more))])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
