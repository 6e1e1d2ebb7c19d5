"""A small S3 service for tests. It checks what it is asked, and fails when it is told to."""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

BUCKET: Final = "jobs"
REGION: Final = "eu-test-1"
KEY_ID: Final = "AKIATESTKEYID"
SECRET: Final = "a-secret-that-no-text-may-show"
PAGE: Final = 3  # names of a page of a list
PART_BYTES_MIN: Final = 5 * 1024 * 1024  # of every part but the last, as S3 wants it

_SIGNED: Final = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={KEY_ID}/\d{{8}}/{REGION}/s3/aws4_request,"
    r" ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}"
)


class S3:
    """What the service holds, and how it behaves."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.asked: Counter[str] = Counter()  # by method
        self.lists = 0  # pages of lists that were asked for
        self.complaints: list[str] = []  # of requests that no S3 would take
        self.status: int | None = None  # given to every request
        self.times = 0  # how often; 0: always
        self.cuts = 0  # bodies of answers that break off
        self.is_conditional = True  # knows If-None-Match
        self.refused_suffix: str | None = None  # of names that nobody may write
        self.refusal = 403
        self.fails_parts = False
        self.hides_from_looks = False  # as if what is there had come since
        self.part_count = 0  # parts of uploads that have come
        self.encryption: dict[str, tuple[str, str]] = {}  # asked for, and with which key, by name
        self.is_hanging = False  # answers nothing until `released`
        self.released = threading.Event()
        self.hangs = threading.Event()  # a request hangs
        self.endpoint = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    s3: S3

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet, which nobody waits for
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _take(self) -> None:
        s3 = self.server.s3
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # the client has gone away
            self.close_connection = True
            return
        s3.asked[self.command] += 1
        if s3.is_hanging:
            s3.hangs.set()
            s3.released.wait(30)
            self.close_connection = True
            return
        if not _SIGNED.fullmatch(self.headers.get("Authorization", "")):
            s3.complaints.append(f"not signed: {self.headers.get('Authorization')}")
        said = self.headers.get("x-amz-content-sha256", "")
        if said != "UNSIGNED-PAYLOAD" and said != hashlib.sha256(body).hexdigest():
            s3.complaints.append(f"{self.command} {self.path}: another body was signed")
        if s3.status is not None:
            status = s3.status
            if s3.times:
                s3.times -= 1
                s3.status = status if s3.times else None
            return self._fail(status, "AccessDenied" if status == 403 else "InternalError")
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        asked = {name: each[0] for name, each in parse_qs(url.query, True).items()}
        if bucket != BUCKET:
            return self._fail(404, "NoSuchBucket")
        s3.part_count += "partNumber" in asked
        if encryption := self.headers.get("x-amz-server-side-encryption"):
            by = self.headers.get("x-amz-server-side-encryption-aws-kms-key-id", "")
            s3.encryption[key] = (encryption, by)
        return self._answer(key, asked, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _take

    def _answer(self, key: str, asked: dict[str, str], body: bytes) -> None:
        match self.command:
            case "GET" if not key:
                self._list(asked)
            case "HEAD" if self.server.s3.hides_from_looks:
                self._fail(404, "NoSuchKey")
            case "GET" | "HEAD":
                self._get(key)
            case "PUT" if "uploadId" in asked and self.server.s3.fails_parts:
                self._fail(500, "InternalError")
            case "PUT" if "uploadId" in asked:
                self.server.s3.uploads[asked["uploadId"]][int(asked["partNumber"])] = body
                self._send(200, headers={"ETag": _etag(body)})
            case "PUT":
                self._put(key, body)
            case "POST" if "uploads" in asked:
                upload = f"{key}#{len(self.server.s3.uploads)}"
                self.server.s3.uploads[upload] = {}
                self._xml(f"<UploadId>{escape(upload)}</UploadId>", "InitiateMultipartUploadResult")
            case "POST" if "uploadId" in asked:
                self._complete(key, asked["uploadId"])
            case "DELETE" if "uploadId" in asked:
                self.server.s3.uploads.pop(asked["uploadId"], None)
                self._send(204)
            case "DELETE":
                self.server.s3.objects.pop(key, None)
                self._send(204)
            case _:
                self.server.s3.complaints.append(f"{self.command} {self.path} is not known")
                self._fail(400, "InvalidRequest")

    def _list(self, asked: dict[str, str]) -> None:
        prefix = asked.get("prefix", "")
        after = asked.get("continuation-token") or asked.get("start-after", "")
        self.server.s3.lists += 1
        found = sorted(
            key for key in self.server.s3.objects if key.startswith(prefix) and key > after
        )
        if asked.get("delimiter") == "/":
            found = [key for key in found if "/" not in key[len(prefix) :]]
        page = found[:PAGE]
        more = len(found) > PAGE
        told = "".join(
            f"<Contents><Key>{escape(key)}</Key>"
            f"<Size>{len(self.server.s3.objects[key])}</Size>"
            "<LastModified>2030-12-01T03:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag>"
            "</Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        self._xml(
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{told}", "ListBucketResult"
        )

    def _get(self, key: str) -> None:
        if (whole := self.server.s3.objects.get(key)) is None:
            return self._fail(404, "NoSuchKey")
        headers = {"ETag": _etag(whole), "Last-Modified": "Sun, 01 Dec 2030 03:00:00 GMT"}
        if self.headers.get("If-Match", headers["ETag"]) != headers["ETag"]:
            return self._fail(412, "PreconditionFailed")
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            return self._send(200, whole, headers)
        first, last = int(asked[1]), min(int(asked[2]), len(whole) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(whole)}"
        return self._send(206, whole[first : last + 1], headers)

    def _put(self, key: str, body: bytes) -> None:
        s3 = self.server.s3
        if s3.refused_suffix and key.endswith(s3.refused_suffix):
            return self._fail(s3.refusal, "AccessDenied")
        if "If-None-Match" in self.headers:
            if not s3.is_conditional:
                return self._fail(501, "NotImplemented")
            if key in s3.objects:
                return self._fail(412, "PreconditionFailed")
        s3.objects[key] = body
        return self._send(200, headers={"ETag": _etag(body)})

    def _complete(self, key: str, upload: str) -> None:
        s3 = self.server.s3
        parts = [part for _, part in sorted(s3.uploads.pop(upload).items())]
        if any(len(part) < PART_BYTES_MIN for part in parts[:-1]):
            s3.complaints.append("a part that is not the last one is too small")
        s3.objects[key] = b"".join(parts)
        self._xml(f"<ETag>{escape(_etag(s3.objects[key]))}</ETag>", "CompleteMultipartUploadResult")

    def _xml(self, inner: str, name: str) -> None:
        self._send(200, f"<{name}>{inner}</{name}>".encode(), {"Content-Type": "application/xml"})

    def _fail(self, status: int, code: str) -> None:
        told = f"<Error><Code>{code}</Code><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>"
        self._send(status, told.encode(), {"Content-Type": "application/xml"})

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.s3.cuts and status == 206:
            self.server.s3.cuts -= 1
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@contextmanager
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """A service to which the AWS variables lead, and which has nothing to complain of."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.s3 = S3()
    server.s3.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL", server.s3.endpoint),
    ):
        monkeypatch.setenv(name, value)
    try:
        yield server.s3
        assert server.s3.complaints == []
    finally:
        server.s3.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
