"""The page that shows the document: whole in itself, and kept so by its policy."""

import base64
import hashlib
import re

from tests.wire.http.served import Api


def test_the_page_is_served_to_anybody(api: Api) -> None:
    answer = api.get("/docs", key=None)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.text.startswith("<!doctype html>")


def test_it_names_nothing_on_the_network(api: Api) -> None:
    page = api.get("/docs").text

    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", page) == []
    assert re.findall(r"\b(?:src|srcset|@import|url\()", page) == []
    assert set(re.findall(r'href="([^"]*)"', page)) == {"#content", "/openapi.json"}


def test_its_policy_allows_its_own_script_and_style_alone(api: Api) -> None:
    answer = api.get("/docs")

    [policy] = answer.headers.get_list("content-security-policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": digest(answer.text, "script"),
        "style-src": digest(answer.text, "style"),
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert not re.search(r'\son[a-z]+="|\sstyle="', answer.text)


def test_nothing_of_the_document_is_read_as_markup(api: Api) -> None:
    page = api.get("/docs").text

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)


def test_answers_of_the_api_keep_their_own_policy(api: Api) -> None:
    [policy] = api.get("/openapi.json").headers.get_list("content-security-policy")

    assert policy == "default-src 'none'; frame-ancestors 'none'"


def digest(page: str, name: str) -> str:
    [text] = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
