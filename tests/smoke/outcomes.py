"""Run checks one after another, and say how each ended."""

import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import requests
from botocore.exceptions import BotoCoreError, ClientError

from tests.smoke.deployed import Deployed

#: A check returns what it saw, in a few words.
type Check = Callable[[Deployed], str]

#: Seconds before each try to restore something.
_RESTORE_WAITS = (0, 2, 4, 8, 16, 32)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})


class FellShort(Exception):
    """Report that the stack is not as it should be, and what to do."""

    def __init__(self, seen: str, *, expected: str, advice: str) -> None:
        super().__init__(seen)
        self.seen, self.expected, self.advice = seen, expected, advice


class DidNotRun(Exception):
    """Report why a check says nothing about this stack. The text is one sentence."""


class Result(StrEnum):
    """Name how a check ended."""

    HELD = "held"
    FELL_SHORT = "fell short"
    DID_NOT_RUN = "did not run"


class Outcome(NamedTuple):
    """Hold one check's sentence, its result and the lines that explain it."""

    check: str
    result: Result
    lines: tuple[str, ...]


def outcomes(checks: Sequence[Check], stack: Deployed) -> Iterator[Outcome]:
    """Run the checks, and yield each outcome when it is known."""
    for check in checks:
        yield _outcome(check, stack)


def require(holds: object, seen: str, *, expected: str, advice: str) -> str:
    """Return what was seen. Raises `FellShort` if it is not as expected."""
    if not holds:
        raise FellShort(seen, expected=expected, advice=advice)
    return seen


def restore(again: Callable[[], object], advice: str) -> None:
    """Restore what a check changed, with further tries. Raises `FellShort` with the command if that fails."""
    failure = ""
    for wait in _RESTORE_WAITS:
        if wait:
            time.sleep(wait)
        try:
            again()
        except ClientError as error:
            failure = error.response["Error"]["Code"]
        except BotoCoreError as error:
            failure = type(error).__name__
        else:
            return
    raise FellShort(f"not restored ({failure})", expected="as it was before", advice=advice)


def _outcome(check: Check, stack: Deployed) -> Outcome:
    sentence = check.__name__.replace("_", " ").capitalize()
    try:
        return Outcome(sentence, Result.HELD, (check(stack),))
    except FellShort as fault:
        return _short(sentence, fault)
    except requests.RequestException as error:
        seen = f"no answer from the API ({type(error).__name__})"
        return _short(
            sentence, FellShort(seen, expected="an answer", advice="compare the output ApiUrl, and try again")
        )
    except LookupError as error:
        seen, advice = f"nothing named {error}", "compare the stack with template.yaml"
        return _short(sentence, FellShort(seen, expected="it is there", advice=advice))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _DENIED:
            seen, advice = f"{error.operation_name} failed with {code}", "look for this resource in the console"
            return _short(sentence, FellShort(seen, expected="an answer", advice=advice))
        reason = f"These credentials may not call {error.operation_name}."
    except BotoCoreError as error:
        reason = f"AWS could not be asked ({type(error).__name__})."
    except DidNotRun as given:
        reason = str(given)
    return Outcome(sentence, Result.DID_NOT_RUN, (reason,))


def _short(sentence: str, fault: FellShort) -> Outcome:
    lines = (f"seen:     {fault.seen}", f"expected: {fault.expected}", f"do:       {fault.advice}")
    return Outcome(sentence, Result.FELL_SHORT, lines)
