"""The files of the dashboard: who gets them, how long they are kept, and what is none of them."""

import re
import subprocess
import sys
from typing import Final

import httpx
import pytest

from spooled_lite.wire.http.headers import compression
from tests.wire.http.job_calls import refusal
from tests.wire.http.served import Api

HTML: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


def front(api: Api) -> httpx.Response:
    return api.get("/", key=None, headers=HTML)


def script(api: Api) -> str:
    """The address of the one script of the page."""
    [address] = re.findall(r'<script type="module" src="\./([^"]+)"></script>', front(api).text)
    return f"/{address}"


def test_a_browser_gets_the_dashboard_and_a_program_what_it_always_got(api: Api) -> None:
    program = api.get("/", headers={"Accept": "application/json"})
    unsaid = api.get("/")

    assert front(api).status_code == 200
    assert front(api).headers["content-type"] == "text/html; charset=utf-8"
    assert front(api).text.startswith("<!doctype html>")
    for answer in (program, unsaid):
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_each_answer_at_the_root_tells_caches_that_it_depends_on_the_caller(api: Api) -> None:
    tag = front(api).headers["etag"]
    again = api.get("/", key=None, headers={**HTML, "If-None-Match": tag})
    program, unsaid = api.get("/", headers={"Accept": "application/json"}), api.get("/")

    assert [each.status_code for each in (front(api), again, program, unsaid)] == [
        200, 304, 404, 404,
    ]  # fmt: skip
    for answer in (front(api), again, program, unsaid):
        assert "Accept" in answer.headers["vary"].split(", ")


def test_the_page_is_asked_for_again_and_its_files_are_kept(api: Api) -> None:
    page, file = front(api), api.get(script(api), key=None)

    assert page.headers["cache-control"] == "no-cache"
    again = api.get("/", key=None, headers={**HTML, "If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == POLICY
    assert file.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    kept = api.get(script(api), key=None, headers={"If-None-Match": file.headers["etag"]})
    assert (kept.status_code, kept.content) == (304, b"")


def test_a_file_is_compressed_once_and_sent_so_to_each_who_takes_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = script(api)
    plain = api.get(address, key=None, headers={"Accept-Encoding": "identity"})
    first = api.get(address, key=None, headers={"Accept-Encoding": "gzip"})
    monkeypatch.setattr(compression, "_gzip", None)  # nobody may compress it again

    again = api.get(address, key=None, headers={"Accept-Encoding": "br, gzip"})

    assert "content-encoding" not in plain.headers
    for answer in (first, again):
        assert answer.headers.get_list("content-encoding") == ["gzip"]
        assert int(answer.headers["content-length"]) < len(plain.content) / 2
        assert answer.content == plain.content


@pytest.mark.parametrize("part", ["bytes=0-1999", "bytes=0-1,4-5", "bytes=x-", "bytes=9999999-"])
def test_a_file_is_sent_whole_whatever_part_is_asked_for(api: Api, part: str) -> None:
    headers = {"Range": part, "Accept-Encoding": "gzip"}
    answer = api.get(script(api), key=None, headers=headers)

    assert (answer.status_code, answer.text) == (200, api.get(script(api), key=None).text)
    assert not {"accept-ranges", "content-range"} & set(answer.headers)


def test_every_answer_has_the_policy_of_the_dashboard(api: Api) -> None:
    for answer in (front(api), api.get(script(api), key=None)):
        assert answer.headers.get_list("content-security-policy") == [POLICY]
        assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_address_in_the_page_is_relative_and_there(api: Api) -> None:
    addresses = re.findall(r'(?:href|src)="([^"]*)"', front(api).text)

    assert len(addresses) >= 5
    for address in addresses:
        assert address.startswith("./"), address
        assert api.get(address[1:], key=None).status_code == 200, address


def test_head_has_no_body(api: Api) -> None:
    page = api.request("HEAD", "/", headers=HTML)
    file = api.request("HEAD", script(api))

    assert (page.status_code, page.content) == (200, b"")
    assert (file.status_code, file.content) == (200, b"")
    assert int(file.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_refused(api: Api, method: str) -> None:
    answer = api.request(method, script(api))

    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path",
    [
        "/app.js",
        "/index.html",
        "{files}",
        "{files}/",
        "{files}/index.html",
        "{files}/lib",
        "{files}/%2e/app.js",
        "{files}/parts/%2e%2e/app.js",
        "{files}//app.js",
        "{files}/../__init__.py",
        "{files}/..%2f__init__.py",
        "{files}/%2e%2e/__init__.py",
        "{files}/lib/..%2f..%2f..%2fapp.py",
        "{files}//etc/passwd",
        "{files}/%2fetc%2fpasswd",
        "{files}/app.js%00",
        "{files}/app.js/",
        "{files}/" + "a" * 10_000,
        "/..%2f..%2fetc%2fpasswd",
    ],
)
def test_what_is_no_file_is_not_found(api: Api, path: str) -> None:
    files = script(api).rpartition("/")[0]

    answer = api.get(path.replace("{files}", files), key=None)

    assert refusal(answer) == (404, "NOT_FOUND")


def test_a_server_that_nobody_looks_at_loads_nothing_for_it() -> None:
    script = (
        "import sys\n"
        "import spooled_lite.wire.http.application\n"
        "assert 'spooled_lite.wire.http.dashboard_files' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", script], check=True)
