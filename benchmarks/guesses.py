"""Sixty guesses at once at the login: how many are looked at, what they cost, and whether a name is told by time.

The whole platform runs as a user starts it. Guesses at a known and at an unknown name take turns, each pair at an
address of its own behind a named proxy, so that none has to wait. Then sixty wrong passwords for one name come at once,
while the memory of the web process is watched. Targets: five looked at, memory +150 MB at most, and known and unknown
names within 1.1 of each other by the median of all pairs.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from shared.figures import keep
from shared.running import Running, running

GUESSES, LOOKED_AT, MOST_MB, RATIO, PAIRS = 60, 5, 150.0, 1.1, 25
PROXY = "127.0.0.1"


def _web(platform: Running) -> int:
    """Return the process id of the web terminal."""
    return int(platform.house().bus.terminals(("web",))[0]["figures"]["pid"])


def _resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _guess(client: httpx.Client, name: str, address: str) -> tuple[int, float]:
    began = time.perf_counter()
    answer = client.post(
        "/api/session", json={"username": name, "password": "not the one"}, headers={"X-Forwarded-For": address}
    )
    return answer.status_code, time.perf_counter() - began


def _at_once(platform: Running) -> tuple[Counter[int], float]:
    """Guess sixty times at once. Return the statuses, and by how many MB the memory of the web process peaked."""
    pid, done = _web(platform), threading.Event()
    before = peak = _resident(pid)

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, _resident(pid))

    watching = threading.Thread(target=watch)
    watching.start()
    with httpx.Client(base_url=platform.told["console"], timeout=120) as client, ThreadPoolExecutor(GUESSES) as hands:
        told = Counter(status for status, _ in hands.map(lambda _: _guess(client, "demo", "192.0.2.1"), range(GUESSES)))
    done.set()
    watching.join()
    return told, peak - before


def _by_time(platform: Running) -> tuple[float, float]:
    """Return the median seconds of a guess at a known and at an unknown name."""
    known, unknown = list[float](), list[float]()
    with httpx.Client(base_url=platform.told["console"], timeout=60) as client:
        for pair in range(PAIRS):
            known.append(_guess(client, "demo", f"198.51.100.{pair}")[1])
            unknown.append(_guess(client, f"nobody{pair}", f"198.51.100.{pair}")[1])
    return statistics.median(known), statistics.median(unknown)


def main() -> None:
    os.environ["ARISTOBOT_PROXIES"] = PROXY
    with running() as platform:
        known, unknown = _by_time(platform)
        told, grown = _at_once(platform)
    ratio = max(known, unknown) / min(known, unknown)
    met = told[401] == LOOKED_AT and told[429] == GUESSES - LOOKED_AT and grown <= MOST_MB and ratio <= RATIO
    print(
        f"{GUESSES} guesses at once: {told[401]} looked at, {told[429]} refused; memory +{grown:.0f} MB"
        f" (most {MOST_MB:.0f});"
        f" known name {known * 1000:.0f} ms, unknown {unknown * 1000:.0f} ms, ratio {ratio:.2f} (most {RATIO});"
        f" {'met' if met else 'missed'}"
    )
    keep("guesses", statuses=dict(told), grown_mb=grown, known_s=known, unknown_s=unknown, ratio=ratio, met=met)


if __name__ == "__main__":
    main()
