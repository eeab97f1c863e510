"""Parse JSON strictly: without duplicate names, NaN, lone surrogates or deep nesting."""

import json
from typing import Any

DEPTH_LIMIT = 16


class NotStrictJson(ValueError):
    """Report why the text was rejected, without quoting it."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a field is given twice")
    return members


def _constant(_name: str) -> Any:
    raise NotStrictJson("NaN and Infinity are not JSON")


def loads(text: str) -> Any:
    """Return the value of the text. Raises `NotStrictJson`."""
    try:
        text.encode()  # a lone surrogate cannot be stored or sent
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        json.dumps(value, ensure_ascii=False).encode()  # an escape can produce one, too
    except NotStrictJson:
        raise
    except RecursionError:
        raise NotStrictJson("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise NotStrictJson("it holds half of a surrogate pair") from None
    except ValueError:
        raise NotStrictJson("it is not JSON") from None
    if _deeper_than(value, DEPTH_LIMIT):
        raise NotStrictJson("it is nested too deeply")
    return value


def _deeper_than(value: Any, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if limit == 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_deeper_than(each, limit - 1) for each in inner)
