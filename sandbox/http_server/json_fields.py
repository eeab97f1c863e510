"""Read a JSON object field by field. Error messages say which values are valid."""

from collections.abc import Sequence

from sandbox.http_server.messages import Request, parse_json


class InputError(ValueError):
    """Report invalid control input. The text is a sentence that quotes no value."""


def json_body(request: Request) -> object:
    """Return the JSON value of a control request. Raises `InputError`."""
    try:
        return parse_json(request.body)
    except ValueError:
        raise InputError("The body must be JSON in UTF-8.") from None


class Fields:
    """Read the fields of one JSON object.

    Each field is read once, by its type. `finish` rejects the fields that nobody read.
    """

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{what} must be a JSON object.")
        self._values: dict[str, object] = dict(value)
        self._what = what
        self._known: list[str] = []

    def _take(self, name: str) -> object:
        self._known.append(name)
        return self._values.pop(name, None)

    def has(self, name: str) -> bool:
        return name in self._values

    def anything(self, name: str) -> object:
        return self._take(name)

    def optional_text(self, name: str) -> str | None:
        value = self._take(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise InputError(f"{self._what}: {name} must be a non-empty string.")
        return value

    def text(self, name: str) -> str:
        value = self.optional_text(name)
        if value is None:
            raise InputError(f"{self._what} needs {name}, a non-empty string.")
        return value

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        value = self._take(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise InputError(f"{self._what}: {name} must be a number from {low:g} to {high:g}.")
        return value

    def whole(self, name: str, default: int | None, low: int, high: int) -> int:
        value = self._take(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(f"{self._what}: {name} must be a whole number from {low} to {high}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InputError(f"{self._what}: {name} must be true or false.")
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{self._what}: {name} must be an array of strings.")
        return tuple(value)

    def text_map(self, name: str) -> dict[str, str]:
        value = self._take(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise InputError(f"{self._what}: {name} must be an object of strings.")
        return dict(value)

    def choice(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in choices:
            raise InputError(f"{self._what}: {name} must be one of {', '.join(choices)}.")
        return value

    def finish(self) -> None:
        if self._values:
            raise InputError(
                f"{self._what} knows no field {', '.join(sorted(self._values))}; "
                f"its fields are {', '.join(self._known)}."
            )
