"""Print the size of the product's code: the layer and the functions of a checkout.

    python -m benchmarks.size [folder of a checkout]

Lines of code are those with a token other than a comment or a docstring.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOTS = ("layers/token_broker/token_broker", "functions")
_IGNORED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def lines_of(node: ast.stmt) -> range:
    """Return the numbers of the statement's lines."""
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def docstrings(tree: ast.Module) -> Iterator[int]:
    """Yield the numbers of the lines of all docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            yield from lines_of(node.body[0])


def code_lines(source: str) -> int:
    """Return the number of lines of code in a module."""
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _IGNORED:
            used.update(range(token.start[0], token.end[0] + 1))
    return len(used.difference(docstrings(ast.parse(source))))


def main(checkout: Path) -> None:
    """Print the figures, one in a line."""
    sources = {path: path.read_text() for root in ROOTS for path in sorted((checkout / root).rglob("*.py"))}
    nodes = [(path, node) for path, source in sources.items() for node in ast.walk(ast.parse(source))]
    functions = [(len(lines_of(node)), node.name, path) for path, node in nodes if isinstance(node, ast.FunctionDef)]
    interfaces = [
        (sum(isinstance(each, ast.FunctionDef) for each in node.body), node.name, path)
        for path, node in nodes
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)
    ]
    longest, widest = max(functions, key=lambda each: each[0]), max(interfaces, key=lambda each: each[0])
    print(f"lines of code: {sum(map(code_lines, sources.values()))}")
    print(f"longest function: {longest[0]} lines, {longest[1]} in {longest[2].relative_to(checkout)}")
    print(f"widest interface: {widest[0]} methods, {widest[1]} in {widest[2].relative_to(checkout)}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
