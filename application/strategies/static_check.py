"""The static check: what the code of a strategy must not contain, found without running it.

It is no boundary: the sandbox is. It tells authors early, at the line, what would not work inside, or would work
differently from one call to the next: each call is made in a worker that may be a new one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from domain.strategies.strategy import LONGEST_CODE

MODULES = frozenset({
    "__future__", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "itertools", "math",
    "numpy", "operator", "pandas", "pandas_ta", "pandas_ta_classic", "statistics", "typing",
})  # fmt: skip
"""The modules that a strategy may import, and what lies in them."""
NAMES = frozenset({
    "breakpoint", "compile", "delattr", "eval", "exec", "exit", "getattr", "globals", "help", "input", "locals", "open",
    "quit", "setattr", "vars", "__import__", "__builtins__",
})  # fmt: skip
"""Names of Python that reach files or code that stands nowhere."""
CLOCKS = frozenset({"now", "today", "utcnow"})
METHODS = (
    "__init__", "should_long", "should_short", "calculate_position_size", "calculate_stop_loss",
    "calculate_take_profit",
)  # fmt: skip
BASE, PARAMETERS = "Strategy", "parameters"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the code: a code for programs, the line (from 1), and what it is about."""

    code: str
    line: int
    about: str = ""


def problems_of(code: str) -> list[Problem]:
    """Return what is wrong with the code of a strategy, by line; nothing when it may be tried."""
    if len(code) > LONGEST_CODE:
        return [Problem("too_long", 1, f"{len(code)}")]
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        return [Problem("syntax", error.lineno or 1, error.msg)]
    except (ValueError, RecursionError, MemoryError) as error:
        return [Problem("syntax", 1, str(error) or type(error).__name__)]
    try:
        found = {*_forbidden(tree), *_state(tree), *_class(tree)}
    except RecursionError:
        return [Problem("syntax", 1, "too deeply nested")]
    return sorted(found, key=lambda one: (one.line, one.code, one.about))


def _forbidden(tree: ast.Module) -> Iterator[Problem]:
    """Yield imports, names and attributes that a strategy has no use for."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (Problem("import", node.lineno, one.name) for one in names if not _importable(one.name))
            case ast.ImportFrom(module=module, level=level) if level or not _importable(module or ""):
                yield Problem("import", node.lineno, "." * level + (module or ""))
            case ast.Name(id=name) if name in NAMES:
                yield Problem("name", node.lineno, name)
            case ast.Attribute(attr=name):
                yield from _attribute(node.lineno, name)
            case ast.Global(names=kept) | ast.Nonlocal(names=kept):
                yield Problem("state", node.lineno, ", ".join(kept))


def _importable(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in MODULES


def _attribute(line: int, name: str) -> Iterator[Problem]:
    if name.startswith("__") and name not in METHODS:
        yield Problem("name", line, name)
    elif name in CLOCKS:
        yield Problem("clock", line, name)
    elif name == "random":
        yield Problem("random", line)


def _state(tree: ast.Module) -> Iterator[Problem]:
    """Yield what would be kept from one call to the next: each call begins anew."""
    for node in tree.body:
        for name in _assigned(node):
            if not name.isupper():
                yield Problem("state", node.lineno, name)
        if isinstance(node, ast.ClassDef):
            for within in node.body:
                for name in _assigned(within):
                    if name != PARAMETERS or not _is_literal(within):
                        yield Problem("state", within.lineno, f"{node.name}.{name}")


def _assigned(node: ast.stmt) -> list[str]:
    match node:
        case ast.Assign(targets=targets):
            return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        case ast.AugAssign(target=ast.Name(id=name)) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return [name]
    return []


def _is_literal(node: ast.stmt) -> bool:
    try:
        ast.literal_eval(node.value)  # type: ignore[attr-defined]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _class(tree: ast.Module) -> Iterator[Problem]:
    """Yield what is wrong with the class: there is exactly one, with all methods, its own or those of a class above."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found = [node for node in classes.values() if _derives(node, classes)]
    leaves = [node for node in found if not any(node.name in _bases(other) for other in found)]
    if not leaves:
        yield Problem("no_class", 1)
    for node in leaves[1:]:
        yield Problem("many_classes", node.lineno, node.name)
    for node in leaves[:1]:
        methods, above = set[str](), [node]
        while above:
            one = above.pop()
            methods |= {part.name for part in one.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
            above += [classes[name] for name in _bases(one) if name in classes and name != one.name]
        for name in METHODS:
            if name not in methods:
                yield Problem("no_method", node.lineno, name)


def _bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def _derives(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Return whether a class derives from `Strategy`, also by others; in a circle none does."""
    seen, above = set[str](), [node.name]
    while above:
        name = above.pop()
        if name in seen or name not in classes:
            continue
        seen.add(name)
        above += _bases(classes[name])
        if BASE in _bases(classes[name]):
            return True
    return False
