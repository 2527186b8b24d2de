"""The explorer on this machine: a page with the model behind it, for whoever knows its address and nobody else.

The server listens on 127.0.0.1 alone, and its address holds a secret that other users and pages of other sites cannot know. What a request
calls its host is checked, so that no name of another site can be made to point here (DNS rebinding).
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..errors import InputError
from ..look.html import policy
from ..look.visible import shorten, visible
from .page_files import STYLE, module
from .static import live_page

if TYPE_CHECKING:
    from .paged import Paged

KINDS = {"application/json": "JSON", "application/octet-stream": "bytes"}
HERE, MOST_BODY, PATIENCE = "127.0.0.1", 64 << 10, 30    # address; bytes of a question; seconds that a silent reader is waited for
MOST_NAME = 80


class Server:
    """A page that is being served; `url` is where. Close it, or use it in a `with` block."""

    def __init__(self, looked: Paged, *, port: int = 0):
        """Raises InputError for a port that is taken or not allowed."""
        secret = secrets.token_urlsafe(24)
        try:
            self._server = _Listening((HERE, port), type("Handler", (_Handler,), {"looked": looked, "secret": secret}))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(f"port {port} cannot be listened on: {why}.", "Take another, or 0 for any that is free.") from None
        self.port = int(self._server.server_address[1])
        self.url = f"http://{HERE}:{self.port}/{secret}/"

    def run(self) -> None:
        """Serve, until closed from another thread or by Ctrl-C."""
        self._server.serve_forever(poll_interval=0.2)

    def start(self) -> Server:
        """Serve from a thread of its own."""
        threading.Thread(target=self.run, name="limelight explorer", daemon=True).start()
        return self

    def close(self) -> None:
        """Stop, and let the port go."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *failure: object) -> None:
        self.close()


class _Listening(ThreadingHTTPServer):
    request_queue_size = 128                                         # a page asks for many tiles at once
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    """How each request is answered."""

    looked: Paged
    secret: str
    server_version, sys_version, timeout = "limelight", "", PATIENCE
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page."""
        if self._refused("/"):
            return
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", live_page(self.looked, ask="ask").encode("utf-8", "replace"))

    def do_POST(self) -> None:
        """A question; or a file, whose name stands in the address."""
        path, _, name = self.path.partition("?")
        if path.endswith("/give") and self.looked.most:
            if not self._refused("/give", path):
                self._take("a file", "application/octet-stream", self.looked.most, lambda body: self.looked.give(body, _called(name)))
        elif not self._refused("/ask"):
            self._take("a question", "application/json", MOST_BODY, self._asked)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written: what is asked is nobody's business, and the address holds the secret."""

    def _take(self, what: str, kind: str, most: int, answer: Callable[[bytes], dict[str, Any] | None]) -> None:
        """Read what was sent, if it is of this kind and no longer than that, and answer it; None: it has been answered."""
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal():
            self._error(HTTPStatus.LENGTH_REQUIRED, f"{what} says how long it is.")
        elif int(size) > most:
            self._error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} has at most {most:,} bytes.")
        elif self.headers.get_content_type() != kind:
            self._error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{what} is {KINDS[kind]} (Content-Type: {kind}).")
        else:
            body = self.rfile.read(int(size))
            try:
                found = answer(body)
                said = None if found is None else json.dumps(found, allow_nan=False).encode()
            except Exception as error:                           # a bug of ours: whoever asks is told, and the page goes on
                self._error(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}")
                return
            if said is not None:
                self._send(HTTPStatus.OK, "application/json", said)

    def _asked(self, body: bytes) -> dict[str, Any] | None:
        try:
            query = json.loads(body)
        except (ValueError, RecursionError):
            self._error(HTTPStatus.BAD_REQUEST, "a question is JSON: this is none.")
            return None
        return self.looked.ask(query)

    def _refused(self, path: str, asked: str | None = None) -> bool:
        """Whether the request is not for us; it is then answered. `asked`: its address, where something stands behind that."""
        if self.headers.get("Host", "").partition(":")[0] not in (HERE, "localhost"):
            self._error(HTTPStatus.FORBIDDEN, "this page is for the machine that it runs on.")
        elif self.command == "POST" and self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._error(HTTPStatus.FORBIDDEN, "pages of other sites may not ask.")
        elif not hmac.compare_digest((asked or self.path).encode(), f"/{self.secret}{path}".encode()):
            self._error(HTTPStatus.NOT_FOUND, "there is nothing here.")
        else:
            return False
        return True

    def _error(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True                             # what was sent may not have been read
        answer = {"error": message, "hint": "Open the address that limelight printed."}
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in _headers(kind).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _called(query: str) -> str:
    """The name of a file, as it stands behind an address: letters of it alone, for messages."""
    return shorten(visible(Path(unquote(query.removeprefix("name="), errors="replace")).name), MOST_NAME)


def _headers(kind: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Content-Security-Policy": policy(module(), STYLE, connect="'self'", media="blob:") + "; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
