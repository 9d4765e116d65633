"""Attacks of strategies on what lies outside their worker, by kind, from `attacks.txt`.

Each leaves a proof where it succeeds: a file `proof` in `FOLDER`, the word PROOF at a server (`TCP`, `UDP`, `STREAM`,
`DATAGRAM`), the death of the process `VICTIM`, a line with PROOF in its log, or there what the file `secret` holds.
"""

from __future__ import annotations

from pathlib import Path

KIND, NEXT = "=== ", "\n---\n"


def _read(text: str) -> dict[str, list[str]]:
    kinds = text.split(KIND)[1:]
    return {kind: attacks.strip().split(NEXT) for kind, _, attacks in (part.partition("\n") for part in kinds)}


ATTACKS = _read(Path(__file__).with_name("attacks.txt").read_text())
