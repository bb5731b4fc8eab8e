"""A proxy before a real server that can be told to misbehave as servers do."""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy:
    """Passes requests on.

    Attributes:
        status: what is answered instead, such as 500; None to pass on.
        hold: set while requests are let through; cleared, each waits.
        delay_s: how long a request waits before it is passed on.
        n_asked: requests so far.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urllib.parse.urlparse(upstream)
        self.status: int | None = None
        self.delay_s = 0.0
        self.hold = threading.Event()
        self.hold.set()
        self.n_asked = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy.n_asked += 1
                proxy.hold.wait()
                threading.Event().wait(proxy.delay_s)
                if proxy.status is not None:
                    self._answer(proxy.status, b"the proxy says no", "text/plain")
                    return
                connection = http.client.HTTPConnection(proxy.upstream.hostname or "", proxy.upstream.port, timeout=30)
                kept = {name: value for name, value in self.headers.items() if name != "Host"}
                connection.request(self.command, self.path, body, kept)
                answer = connection.getresponse()
                self._answer(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
                connection.close()

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:  # who asked has given up
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on  # noqa: N815  # the base class' names

            def log_message(self, *_: object) -> None: ...

        return Handler


@contextmanager
def before(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before a server until the block ends."""
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()
