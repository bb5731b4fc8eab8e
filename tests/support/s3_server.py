"""An S3 server in a thread, which keeps objects in memory and takes any credentials: as much of S3 as pyarrow asks for.

Try `with bucket("runs") as uri: Storage.at(f"{uri}")`, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO
from xml.sax.saxutils import escape, unescape

_TIME = "2026-01-02T03:04:05.000Z"


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """Serve one empty bucket until the block ends; gives its URI."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.bucket, server.objects, server.parts, server.ids = name, {}, {}, itertools.count()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"s3://{name}?scheme=http&endpoint_override=127.0.0.1:{server.server_port}&region=us-east-1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Objects are addressed by path: `/BUCKET/KEY?query`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # which holds every answer back for 40 ms

    def do_HEAD(self) -> None:  # the base class' name
        _, key, _ = self._address()
        if key and key not in self.server.objects:
            return self._answer(404)
        return self._answer(200, self.server.objects[key] if key else b"")

    def do_GET(self) -> None:
        _, key, query = self._address()
        if not key:
            return self._answer(200, _listing(self.server.objects, query), kind="application/xml")
        if key not in self.server.objects:
            return self._fail(404, "NoSuchKey")
        data = self.server.objects[key]
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part is None:
            return self._answer(200, data)
        first, last = int(part[1]), min(int(part[2] or len(data)), len(data) - 1)
        return self._answer(206, data[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def do_PUT(self) -> None:
        body = self._body()
        _, key, query = self._address()
        if source := self.headers.get("x-amz-copy-source"):
            body = self.server.objects[urllib.parse.unquote(source).lstrip("/").partition("/")[2]]
        if "uploadId" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = body
        elif key:
            self.server.objects[key] = body
        if source:
            xml = f"<CopyObjectResult><ETag>{_tag(body)}</ETag><LastModified>{_TIME}</LastModified></CopyObjectResult>"
            return self._answer(200, xml.encode(), kind="application/xml")
        return self._answer(200, headers={"ETag": _tag(body)})

    def do_POST(self) -> None:
        body = self._body()
        name, key, query = self._address()
        if "delete" in query:
            for found in re.findall(r"<Key>(.*?)</Key>", body.decode(), re.DOTALL):
                self.server.objects.pop(unescape(found, {"&quot;": '"', "&apos;": "'"}), None)
            return self._answer(200, b"<DeleteResult/>", kind="application/xml")
        if "uploads" in query:
            upload = f"upload-{next(self.server.ids)}"
            self.server.parts[upload] = {}
            tag, content = "InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>"
        else:
            parts = self.server.parts.pop(query["uploadId"])
            self.server.objects[key] = b"".join(parts[number] for number in sorted(parts))
            tag, content = "CompleteMultipartUploadResult", f"<ETag>{_tag(self.server.objects[key])}</ETag>"
        xml = f"<{tag}><Bucket>{name}</Bucket><Key>{escape(key)}</Key>{content}</{tag}>"
        return self._answer(200, xml.encode(), kind="application/xml")

    def do_DELETE(self) -> None:
        _, key, query = self._address()
        self.server.parts.pop(query.get("uploadId", ""), None)
        self.server.objects.pop(key, None)
        return self._answer(204)

    def _address(self) -> tuple[str, str, dict[str, str]]:
        url = urllib.parse.urlsplit(self.path)
        name, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
        assert name == self.server.bucket, f"there is no bucket {name!r}"
        return name, key, dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = _joined(self.rfile)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # with checksums at their end, objects come in chunks of their own
        return _joined(io.BytesIO(body)) if "x-amz-decoded-content-length" in self.headers else body

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        kind: str = "binary/octet-stream",
    ) -> None:
        self.send_response(status)
        fields = {"Content-Type": kind, "Last-Modified": formatdate(1.8e9, usegmt=True), "ETag": _tag(body)}
        for name, value in (fields | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fail(self, status: int, code: str) -> None:
        self._answer(
            status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), kind="application/xml"
        )

    def log_message(self, *_: object) -> None: ...


def _listing(objects: dict[str, bytes], query: dict[str, str]) -> bytes:
    """Answer ListObjectsV2."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    contents, folders = [], set()
    for key in sorted(objects):
        rest = key.removeprefix(prefix)
        if not key.startswith(prefix):
            continue
        if delimiter and delimiter in rest:
            folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
        else:
            contents.append(key)
    contents = contents[: int(query.get("max-keys", 1000))]
    items = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{_TIME}</LastModified><ETag>{_tag(objects[key])}</ETag>"
        f"<Size>{len(objects[key])}</Size></Contents>"
        for key in contents
    ) + "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in sorted(folders))
    head = f"<IsTruncated>false</IsTruncated><KeyCount>{len(contents) + len(folders)}</KeyCount>"
    return f"<ListBucketResult>{head}<Prefix>{escape(prefix)}</Prefix>{items}</ListBucketResult>".encode()


def _joined(stream: BinaryIO) -> bytes:
    """Read chunks, each after a line with its length, and what follows the last one."""
    whole = b""
    while length := int(stream.readline().partition(b";")[0], 16):
        whole += stream.read(length)
        stream.readline()
    while stream.readline().strip():
        pass
    return whole


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
