"""Line coverage of the application by wing, from the report that slipcover writes in `make test`.

Fails when the tests run less than `LEAST` percent of a wing. Only lines run in pytest's own processes count.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 80


def main(report: str) -> None:
    run, lines = Counter[str](), Counter[str]()
    for file, told in json.loads(Path(report).read_text())["files"].items():
        wing = str(Path(file).parent)
        run[wing] += told["summary"]["covered_lines"]
        lines[wing] += told["summary"]["covered_lines"] + told["summary"]["missing_lines"]
    shares = {wing: 100 * run[wing] / lines[wing] for wing in sorted(lines) if lines[wing]}
    for wing, share in shares.items():
        print(f"{wing:30} {share:5.1f} % of {lines[wing]} lines")  # noqa: T201 - for whoever runs make
    if short := [wing for wing, share in shares.items() if share < LEAST]:
        sys.exit(f"less than {LEAST} %: {', '.join(short)}")


if __name__ == "__main__":
    main(sys.argv[1])
