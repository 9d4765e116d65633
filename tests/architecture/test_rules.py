"""Rules of the house that a program can check, such as its layers and event bodies that only assign."""

from __future__ import annotations

import ast
import json
import tomllib
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

from importlinter.cli import lint_imports

import domain
from adapters.log.eventmapper import form_of
from domain.aggregate import Aggregate, Personal
from web.app import create_app

REPOSITORY = Path(__file__).parents[2]
FORBIDDEN_CALLS = {"now", "utcnow", "today", "time", "open", "print", "uuid4", "random"}


def events() -> dict[str, type]:
    """Return every event class of every aggregate by its topic."""
    return {
        kind.TOPIC: kind
        for aggregate in domain.AGGREGATES
        for kind in vars(aggregate).values()
        if isinstance(kind, type) and issubclass(kind, Aggregate.Event) and kind.__name__ not in {"Event", "Created"}
    }


def test_the_layers_hold(monkeypatch):
    """No room imports from a room above it, and the inner rooms know no technology."""
    monkeypatch.chdir(REPOSITORY)
    assert lint_imports() == 0


def test_the_packages_are_this_repositorys():
    """Other packages on the public index bear the same names, so what is imported must lie in this repository."""
    packages = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for name in packages["packages"]:
        assert Path(import_module(name).__file__).is_relative_to(REPOSITORY)


def test_event_bodies_only_assign():
    """Event bodies run again at every replay: they raise nothing, await nothing, read no clock and do no I/O."""
    checked = 0
    for file in (REPOSITORY / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.FunctionDef) or not any(_is_event(d) for d in node.decorator_list):
                continue
            checked += 1
            for part in ast.walk(ast.Module(body=node.body, type_ignores=[])):
                assert not isinstance(part, ast.Raise | ast.Await | ast.Assert | ast.With), f"{file.name}: {node.name}"
                if isinstance(part, ast.Call):
                    name = getattr(part.func, "attr", getattr(part.func, "id", ""))
                    assert name not in FORBIDDEN_CALLS, f"{file.name}: {node.name} calls {name}"
    assert checked >= len(events()) - 6  # adoption and the like have classes of their own


def _is_event(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "event"


def test_personal_texts_stand_at_the_top_of_an_event():
    """The mapper seals personal texts only in an event's own fields."""
    for topic, kind in events().items():
        hints = get_type_hints(kind)
        for name in form_of(kind).personal:
            assert Personal in (hints[name], *get_args(hints[name])), topic
        for hint in hints.values():
            for inner in get_args(hint):
                assert Personal not in get_args(inner), topic


def test_the_published_api_is_the_served_one():
    """`docs/openapi.json`, from which the console's client is generated, is not stale."""
    assert json.loads((REPOSITORY / "docs" / "openapi.json").read_text()) == create_app(None).openapi()
