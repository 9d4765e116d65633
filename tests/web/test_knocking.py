"""A knock at the door: whatever is there, the answer is a status or that no door was reached."""

from __future__ import annotations

import socket
import threading

import pytest

from web.knocking import knock


def test_what_is_no_http_server_is_no_door() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                # All of it: a connection that is closed over unread bytes is reset, and its answer lost.
                heard = b""
                while not heard.endswith(b"{}"):
                    heard += connection.recv(4096)
                connection.sendall(b"SSH-2.0-somebody\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(OSError, match="no HTTP server"):
            knock(f"http://127.0.0.1:{server.getsockname()[1]}/webhook/receive", b"{}", 10)
