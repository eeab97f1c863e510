"""Make docs/reference/python-client.md from the docstrings of the Python client."""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from reference_pages.contract import FOLDER

PAGE = FOLDER / "python-client.md"
PACKAGE = "token_broker_client"
#: The modules in the order of the page, with the classes and functions that users meet.
MODULES = {
    "broker": ["TokenBroker", "Merchant"],
    "providers": ["Shopify", "Fourthwall", "ChicksX", "TrustPolicies", "Previews"],
    "storefront": ["Storefront", "ShopClient"],
    "proofs": ["ProofSigner"],
    "models": [],
    "events": [],
    "errors": [],
    "testing": ["FakeTransport"],
}
#: The classes whose constructor users call.
MADE_BY_USERS = ("TokenBroker", "Storefront", "ShopClient", "ProofSigner", "FakeTransport")
_BEGINNING = """# Python client

For developers of a backend in Python: each class and method of `token_broker_client`. `make pages` makes this page from
the docstrings. [Its README](../../clients/python/README.md) has the installation and examples.
"""


def page() -> str:
    """Return the whole page."""
    modules = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES}
    return "\n".join([_BEGINNING, *(line for name, module in modules.items() for line in _module(name, module))])


def _module(name: str, module: ModuleType) -> Iterator[str]:
    names = MODULES[name] or [each for each, found in vars(module).items() if _is_own(each, found, module)]
    yield f"## {PACKAGE}.{name}\n\n{_text(module)}\n"
    for each in names:
        found = getattr(module, each)
        yield from _class(each, found) if inspect.isclass(found) else _function(found, f"{name}.")


def _is_own(name: str, found: Any, module: ModuleType) -> bool:
    own = getattr(found, "__module__", None) == module.__name__
    return own and not name.startswith("_") and (inspect.isclass(found) or inspect.isfunction(found))


def _class(name: str, found: type) -> Iterator[str]:
    base = found.__mro__[1].__name__
    above = "" if base in ("object", "Model", "tuple", "Exception") or base.startswith("_") else f" ({base})"
    yield f"### {name}{above}\n\n{_text(found)}\n"
    if dataclasses.is_dataclass(found):
        yield "".join(f"- `{each.name}: {each.type}`\n" for each in dataclasses.fields(found) if each.name != "extra")
    elif name in MADE_BY_USERS:
        yield f"`{_signature(name, vars(found)['__init__'])}`\n"
    for method, made in vars(found).items():
        if method.startswith("_"):
            continue
        if isinstance(made, property):
            yield f"**`{method}`** {_text(made)}\n"
        elif isinstance(made, classmethod):
            yield from _function(made.__func__, f"{name}.")
        elif inspect.isfunction(made):
            yield from _function(made, "")


def _function(found: Any, before: str) -> Iterator[str]:
    yield f"**`{before}{_signature(found.__name__, found)}`**\n\n{_text(found)}\n"


def _signature(name: str, found: Any) -> str:
    """Return the call as it is written, without `self` and `cls`."""
    signature = inspect.signature(found)
    given = [
        each.replace(annotation=_AsWritten(each.annotation))
        for each in signature.parameters.values()
        if each.name not in ("self", "cls")
    ]
    shown = str(signature.replace(parameters=given, return_annotation=_AsWritten(signature.return_annotation)))
    return name + re.sub(r"<[^>]*>", "…", shown.removesuffix(" -> None"))


class _AsWritten:
    """Show an annotation's text without quotation marks."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation

    def __repr__(self) -> str:
        return str(self._annotation)


def _text(found: Any) -> str:
    return inspect.getdoc(found) or ""
