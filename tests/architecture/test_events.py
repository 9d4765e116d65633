"""Events: their types are written down, and the code misspells no topic."""

from __future__ import annotations

import json
import re
import subprocess

import domain
from tests.architecture.event_types import events_of, stub
from tests.architecture.test_rules import REPOSITORY

AGGREGATES = "|".join(aggregate.__name__ for aggregate in domain.AGGREGATES)
TOPIC = re.compile(rf"""["'`](({AGGREGATES})\.[A-Z]\w+)["'`]""")
TITLE = re.compile(rf"({AGGREGATES})_[A-Z]\w+")
FORMER = frozenset(json.loads((REPOSITORY / "tests/architecture/names.json").read_text())["former topics"])
REJECTIONS = frozenset({"Order.NeverArrived", "Order.OnlyWeighed"})
"""Titles of rejections that the console distinguishes by their reason."""
KNOWN = FORMER | REJECTIONS | {event.TOPIC for aggregate in domain.AGGREGATES for _, event in events_of(aggregate)}


def test_the_types_of_events_are_those_of_the_aggregates():
    """`domain/events.pyi` is up to date. `make events` rewrites it."""
    assert (REPOSITORY / "domain/events.pyi").read_text() == stub()


def test_every_topic_in_the_code_is_known():
    """Every topic named in Python, in SQL or in the console is a known one."""
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = [file for file in listed.stdout.splitlines() if file.endswith((".py", ".sql", ".ts", ".vue"))]
    named = {(file, found[0]) for file in files for found in TOPIC.findall((REPOSITORY / file).read_text())}
    assert len({topic for _, topic in named}) > 50
    assert {(file, topic) for file, topic in named if topic not in KNOWN} == set()


def test_the_console_names_known_topics_only():
    """The titles of topics in both languages belong to known topics."""
    for file in sorted((REPOSITORY / "frontend/src/locales").rglob("*.json")):
        titles = json.loads(file.read_text()).get("topics", {})
        assert {title for title in titles if TITLE.fullmatch(title)} <= {topic.replace(".", "_") for topic in KNOWN}
