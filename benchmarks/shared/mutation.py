"""Mutants: copies of a file with one operator, one constant or one extreme changed, one for each possible place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*"),
}  # fmt: skip
EXTREMES = {"min": "max", "max": "min"}
LARGEST = 10
"""The largest integer that is changed: larger ones are quantities, and adding one to them seldom matters."""


@dataclass(frozen=True)
class Mutant:
    """A file with one place changed: its whole text, and the changed line before and after."""

    file: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.before}  ->  {self.after}"


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a file with this text, from its first line to its last."""
    places, whole = _Places(text), text.encode()
    places.visit(ast.parse(text))
    for start, old, new in sorted(places.found):
        changed = (whole[:start] + new.encode() + whole[start + len(old.encode()) :]).decode()
        line = whole[:start].count(b"\n")
        before, after = (one.splitlines()[line].strip() for one in (text, changed))
        yield Mutant(file, line + 1, before, after, changed)


class _Places(ast.NodeVisitor):
    """The places of a text that can be changed: the start of each (bytes), the old text and its replacement."""

    def __init__(self, text: str) -> None:
        self.found: set[tuple[int, str, str]] = set()
        self._whole = text.encode()
        self._lines = self._whole.splitlines(keepends=True)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for place, operator in enumerate(node.ops):
            self._between(sides[place], sides[place + 1], *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC:
            self._between(node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for one, other in zip(node.values, node.values[1:], strict=False):
            self._between(one, other, *words)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._at_start(node, "not ", "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._at_start(node, str(node.value), str(not node.value))
        elif isinstance(node.value, int) and node.value <= LARGEST:
            self._at_start(node, str(node.value), str(node.value + 1))

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in EXTREMES:
            self._at_start(node, node.func.id, EXTREMES[node.func.id])
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        node.decorator_list = []
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        node.decorator_list = []
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip f-strings: their text is for people, and their parts have no exact place before Python 3.12."""

    def _between(self, one: ast.expr, other: ast.expr, old: str, new: str) -> None:
        assert one.end_lineno is not None
        assert one.end_col_offset is not None
        end = self._offset(one.end_lineno, one.end_col_offset)
        self.found.add((self._whole.index(old.encode(), end, self._offset(other.lineno, other.col_offset)), old, new))

    def _at_start(self, node: ast.expr, old: str, new: str) -> None:
        self.found.add((self._offset(node.lineno, node.col_offset), old, new))

    def _offset(self, line: int, column: int) -> int:
        return sum(map(len, self._lines[: line - 1])) + column
