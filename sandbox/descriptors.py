"""Read descriptors: a module of its own for each provider, which says what no general code knows."""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from inspect import formatannotation
from pathlib import Path
from types import UnionType
from typing import Any, TypeAliasType, get_args, get_origin, get_type_hints

from sandbox.errors import StackError

_PROJECT = Path(__file__).resolve().parents[1]
#: A name is a part of a setting, of a template parameter and of an item's key.
_NAME = re.compile(r"[a-z][a-z0-9]*")


def named_folders(package: str, reserved: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield the folders of a package, which have the names of services.

    Raises `StackError` if a folder cannot have its name.
    """
    [parent] = import_module(package).__path__
    for folder in sorted(Path(parent).iterdir()):
        if folder.is_dir() and any(each.name != "__pycache__" for each in folder.iterdir()):
            if not _NAME.fullmatch(folder.name):
                raise StackError(f"{shown(folder)}: the name must be lower-case letters and digits.")
            if folder.name in reserved:
                raise StackError(f"{shown(folder)}: the name must be none of {', '.join(sorted(reserved))}.")
            yield folder


def read_descriptor[D](file: Path, module: str, variable: str, kind: type[D]) -> D:
    """Import the module in this file, and return the dataclass that it declares.

    Raises `StackError` with a sentence that names the file, and the field that is missing or wrong.
    """
    where = shown(file)
    if not file.is_file():
        raise StackError(f"{where} is missing. It must declare {variable}, a {kind.__name__}.")
    try:
        descriptor: Any = getattr(import_module(module), variable, None)
    except Exception as fault:
        raise StackError(f"{where} cannot be imported. {type(fault).__name__}: {fault}") from fault
    if not isinstance(descriptor, kind):
        raise StackError(f"{where} must declare {variable}, a {kind.__name__}.")
    hints = get_type_hints(type(descriptor))
    for field in fields(descriptor):  # type: ignore[arg-type] # every kind is a dataclass
        if not _fits(getattr(descriptor, field.name), hints[field.name]):
            raise StackError(f"{where}: the field {field.name} of {variable} must be {_name(hints[field.name])}.")
    return descriptor


def shown(path: Path) -> str:
    """Return a path for a sentence, from the project's folder on."""
    return str(path.relative_to(_PROJECT) if path.is_relative_to(_PROJECT) else path)


def _name(hint: Any) -> str:
    return formatannotation(hint.__value__ if isinstance(hint, TypeAliasType) else hint)


def _fits(value: object, hint: Any) -> bool:
    """Return whether a value has a field's type, as far as this shows without a call."""
    if isinstance(hint, TypeAliasType):
        return _fits(value, hint.__value__)
    if isinstance(hint, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    kind = get_origin(hint) or hint
    if kind is Callable:
        return callable(value)
    if not isinstance(value, kind):
        return False
    elements = get_args(hint)[:1]
    return not elements or all(_fits(each, elements[0]) for each in value)
