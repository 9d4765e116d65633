"""An unexpected fault is reported in the one shape of errors."""

from __future__ import annotations

from typing import Any


def test_a_fault_of_ours_has_the_same_shape(console: Any, alice: Any, problem: Any, monkeypatch: Any) -> None:
    """Even an unexpected error is reported in the one shape, with the security headers and without a traceback."""

    def broken(*_: Any) -> int:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(console.tokens, "of", broken)
    answer = alice.get("/api/webhooks/url")
    problem(answer, 500, "internal_error")
    assert "inside" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
