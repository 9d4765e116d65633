"""The shape of the house, as a machine sees it: short files, short functions, small folders, plain docstrings.

Exceptions are listed with their size and may only shrink.
"""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_rules import REPOSITORY

LONGEST_FILE, LONGEST_FUNCTION, MOST_FILES = 350, 40, 30
LONG_FILES = {"domain/orders/order.py": 488}
GENERATED = {"frontend/src/api/schema.d.ts"}
RIDDLES = ("What", "How", "Whether", "Which", "Who")
"""A docstring that begins with one of these names nothing: begin with a verb or a noun."""
ROOMS = ("adapters", "application", "aristobot", "domain", "projections", "web")
WRITTEN = [
    file
    for file in subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if file.endswith((".py", ".ts", ".vue", ".sql", ".css")) and file not in GENERATED
]
CODE = [file for file in WRITTEN if file.endswith(".py") and file.startswith(ROOMS)]


def _tree(file: str) -> ast.Module:
    return ast.parse((REPOSITORY / file).read_text())


def test_no_file_is_long() -> None:
    """A file of a page or two can be read in one go."""
    sizes = {file: len((REPOSITORY / file).read_text().splitlines()) for file in WRITTEN}
    assert {file: size for file, size in sizes.items() if size > LONG_FILES.get(file, LONGEST_FILE)} == {}
    assert [file for file in LONG_FILES if sizes[file] <= LONGEST_FILE] == []


def _functions(file: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{file} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_function_is_long() -> None:
    """A function holds one thought."""
    sizes = Counter[str]()
    for file in CODE:
        for name, size in _functions(file):
            sizes[name] = max(sizes[name], size)
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}


def test_no_folder_is_crowded() -> None:
    """A folder shows at a glance what lives in it."""
    folders = Counter(str(Path(file).parent) for file in WRITTEN)
    assert {folder: files for folder, files in folders.items() if files > MOST_FILES} == {}


def _docstrings(file: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of the docstrings of modules, classes and functions, and of strings below assignments."""
    for node in ast.walk(_tree(file)):
        body = getattr(node, "body", None)
        for child in body if isinstance(body, list) else []:
            text = child.value if isinstance(child, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield child.lineno, text.value


@pytest.mark.parametrize("room", ROOMS)
def test_no_docstring_is_a_riddle(room: str) -> None:
    """A failure names the file and the line of each offending docstring."""
    said = [(file, *told) for file in CODE if file.startswith(f"{room}/") for told in _docstrings(file)]
    assert said
    assert [f"{file}:{line}" for file, line, text in said if text.split()[:1] and text.split()[0] in RIDDLES] == []
