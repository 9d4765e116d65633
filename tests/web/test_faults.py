"""An unexpected fault is reported in the one shape of errors, and a binary frame ends the live socket cleanly."""

from __future__ import annotations

from typing import Any

from web.live.live import TOPICS


def test_a_fault_of_ours_has_the_same_shape(console: Any, alice: Any, problem: Any, monkeypatch: Any) -> None:
    """Even an unexpected error is reported in the one shape, with the security headers and without a traceback."""

    def broken(*_: Any) -> int:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(console.vault, "token_of", broken)
    answer = alice.get("/api/webhooks/url")
    problem(answer, 500, "internal_error")
    assert "inside" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_bytes_on_the_socket(alice: Any) -> None:
    """A binary frame ends the socket like any other invalid message, without an error in the server."""
    with alice.websocket_connect(
        "ws://127.0.0.1/api/live", headers={"Origin": "http://127.0.0.1", "Host": "127.0.0.1"}
    ) as socket:
        for _ in TOPICS:
            socket.receive_json()
        socket.send_bytes(b"x")
