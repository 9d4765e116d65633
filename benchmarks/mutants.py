"""Small mistakes in the pure decisions that no test notices: one operator or constant is changed at a time.

    python benchmarks/mutants.py                          a sample of all files, for a minute and a half
    python benchmarks/mutants.py domain/trading/position.py       every mutant of a file
    python benchmarks/mutants.py --sample 20 domain/...   so many of them, the same ones each time
    python benchmarks/mutants.py --list domain/...        what would be changed; no test runs

Each mutant is judged in a copy of the tree by the tests that `JUDGES` names for its file. A mutant that passes them all
has survived: a test is missing, or the code is not needed. `EQUIVALENT` explains those that no test can detect.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from shared.figures import keep
from shared.mutation import Mutant, mutants_of

REPOSITORY = Path(__file__).parents[1]
SECONDS, SECONDS_EACH, SEED = 90, 120, 7
"""Seconds for the sample when no file is named, the most seconds for one mutant, and the seed of the sample."""

_SIZING = "tests/domain/test_market.py tests/application/trading/test_sizing.py"
_ORDER = "tests/domain/test_order.py tests/laws/test_differences.py tests/laws/test_order_laws.py"
_POSITION = " ".join(
    f"tests/domain/test_{noun}.py"
    for noun in ("position", "costs", "losses", "protection_before", "covered_in_part", "overtaken_moves")
)
_MESSAGES = " ".join(f"tests/domain/test_webhook_{noun}.py" for noun in ("message", "fields", "body"))
_POSITION_LAWS = "tests/laws/test_position_laws.py"
_PROTECTION, _DECISIONS = "tests/application/protection", "tests/application/trading/test_decisions"
JUDGES = {
    "domain/amounts.py": f"tests/domain/test_amounts.py {_SIZING} tests/laws/test_order_laws.py",
    "domain/protection/cover.py": f"{_POSITION} {_POSITION_LAWS}",
    "domain/orders/execution.py": f"{_POSITION} {_POSITION_LAWS}",
    "domain/protection/level.py": f"{_POSITION} tests/laws/test_levels_law.py {_POSITION_LAWS}",
    "domain/market.py": _SIZING,
    "domain/trading/metrics.py": "tests/domain/test_metrics.py tests/laws/test_metrics_laws.py",
    "domain/orders/order.py": _ORDER,
    "domain/trading/position.py": f"{_POSITION} {_POSITION_LAWS}",
    "domain/reconciliation.py": "tests/application/reconciliation",
    "domain/people/registry.py": "tests/domain/test_registry.py tests/laws/test_small_aggregates.py",
    "domain/webhooks/webhook.py": "tests/application/webhooks",
    "domain/sentences.py": "tests/adapters/test_older_sentences.py",
    "domain/webhooks/webhook_body.py": _MESSAGES,
    "domain/webhooks/webhook_fields.py": _MESSAGES,
    "domain/webhooks/webhook_message.py": _MESSAGES,
    "domain/orders/wish.py": f"tests/domain/test_wish.py {_SIZING} tests/domain/test_webhook_message.py",
    "domain/*.py": "tests/laws/test_small_aggregates.py",
    "application/orders/differences.py": "tests/laws/test_differences.py tests/laws/test_reported_orders.py",
    "application/protection/forms.py": _PROTECTION,
    "application/protection/resting.py": _PROTECTION,
    "application/protection/shapes.py": _PROTECTION,
    "application/protection/target.py": _PROTECTION,
    "application/trading/counting.py": f"{_PROTECTION}/test_protection.py",
    "application/trading/decisions.py": f"{_DECISIONS}.py {_DECISIONS}_age.py",
    "application/trading/sizing.py": f"{_SIZING} tests/application/lane/test_sales_and_their_rest.py",
    "application/webhooks/deciding.py": "tests/application/webhooks",
}
"""The tests that judge a file, the quickest first. A folder's line is for its files without a line of their own."""

EQUIVALENT = {
    "application/orders/differences.py": {"repr=True": "only what a debugger prints is longer"},
    "application/trading/sizing.py": {
        "quantity < most": "exactly the largest order is cut into one part, with no rest"
    },
}
"""Mutants that behave like the code: the file, what only the changed line contains, and the reason."""

PRELOADED = ("aiohttp", "cryptography", "eventsourcing.postgres", "hypothesis", "psycopg", "psycopg_pool", "redis")
"""The third-party modules of the tests, imported once and inherited by the process that judges a mutant."""


def judges(file: str) -> list[str]:
    """Return the tests that judge a file."""
    tests = JUDGES.get(file) or next(tests for files, tests in JUDGES.items() if Path(file).match(files))
    return tests.split()


def mutants(patterns: list[str], sample: int | None) -> list[Mutant]:
    """Return the mutants of these files in order, or a sample of this size, which is the same each time."""
    files = dict.fromkeys(path.relative_to(REPOSITORY) for one in patterns for path in sorted(REPOSITORY.glob(one)))
    every = [mutant for file in files for mutant in mutants_of(file.as_posix(), (REPOSITORY / file).read_text())]
    told = [mutant for mutant in every if not is_equivalent(mutant)]
    return told if sample is None else random.Random(SEED).sample(told, min(sample, len(told)))


def is_equivalent(mutant: Mutant) -> bool:
    """Return True for a mutant that `EQUIVALENT` explains."""
    return any(part in mutant.after and part not in mutant.before for part in EQUIVALENT.get(mutant.file, ()))


def copy_of_the_tree(folder: str) -> Path:
    """Copy the files that git knows, as they stand now, and those that are new."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", ":!frontend"]
    for name in subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines():
        if (REPOSITORY / name).is_file():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target)
    return Path(folder)


def _run(tree: Path, tests: list[str]) -> None:
    """Run tests and end the process with pytest's verdict."""
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    for stream in (1, 2):
        os.dup2(os.open(tree / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    verdict = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
    assert str(sys.modules["domain"].__file__).startswith(str(tree))
    sys.stdout.flush()
    os._exit(verdict)


def passes(tree: Path, tests: list[str]) -> bool:
    """Return True when all these tests pass in time."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(tree, tests))
    process.start()
    process.join(SECONDS_EACH)
    process.kill()
    process.join()
    return process.exitcode == 0


def survivors(tried: list[Mutant], tree: Path) -> Iterator[bool]:
    """Yield for each mutant whether it survives. The tree is whole again before the next one."""
    moments = iter(range(2 * len(tried)))
    for mutant in tried:
        path = tree / mutant.file
        whole = path.read_text()
        _write(path, mutant.text, next(moments))
        yield passes(tree, judges(mutant.file))
        _write(path, whole, next(moments))


def _write(path: Path, text: str, moment: int) -> None:
    """Write a text with a modification time of its own, so that Python compiles it again."""
    path.write_text(text)
    os.utime(path, (moment, moment))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="what to change (patterns); else all of JUDGES")
    parser.add_argument("--sample", type=int, help="try so many mutants only")
    parser.add_argument("--list", action="store_true", help="print the mutants, try none")
    asked = parser.parse_args()
    in_full = bool(asked.files or asked.list)
    chosen = mutants(asked.files or list(JUDGES), asked.sample if in_full or asked.sample else sys.maxsize)
    if asked.list:
        print(*chosen, sep="\n")
        return
    for module in PRELOADED:
        importlib.import_module(module)
    survived, number, end = [], 0, time.monotonic() + SECONDS
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        tree = copy_of_the_tree(folder)
        judging = sorted({test for mutant in (chosen if in_full else chosen[:3]) for test in judges(mutant.file)})
        if not passes(tree, judging):
            sys.exit(f"{(tree / 'said.txt').read_text()}\nThe tests fail before anything is changed.")
        for number, survives in enumerate(survivors(chosen, tree), 1):
            if survives:
                survived.append(str(chosen[number - 1]))
                print(survived[-1], flush=True)
            if time.monotonic() > end and not (in_full or asked.sample):
                break
    print(f"mutants: {number} of {len(chosen)} tried, {len(survived)} survived")
    keep("mutants", tried=number, mutants=len(chosen), survivors=survived)


if __name__ == "__main__":
    main()
