"""Where a webhook may lead, judged by the text of its URL."""

import ipaddress
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spooled_lite.config import Settings
from spooled_lite.errors import RuleBroken
from spooled_lite.outbound.addresses import AddressKind, kind_of
from spooled_lite.outbound.targets import Policy, Target, check_target
from tests.outbound.notations import (
    BROKEN,
    LOCALHOST,
    LOOPBACK,
    NAMES,
    NEVER,
    PRIVATE,
    SPELLED,
)

DEVELOPMENT: Final = Policy(is_production=False)
PRODUCTION: Final = Policy(is_production=True)
EVERYTHING: Final = tuple(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0")))
LISTED: Final = Policy(is_production=True, allow_networks=EVERYTHING)
LISTED_IN_DEVELOPMENT: Final = Policy(is_production=False, allow_networks=EVERYTHING)


def refusal(url: str, policy: Policy) -> str | None:
    try:
        check_target(url, policy, field="url")
    except RuleBroken as error:
        [problem] = error.details
        assert "Invalid webhook URL" in problem.message
        assert ("HTTP not allowed" in problem.message) is (problem.code == "https_required")
        return str(problem.code)
    return None


def target(url: str, policy: Policy = PRODUCTION) -> Target:
    return check_target(url, policy)


@pytest.mark.parametrize(
    ("hosts", "policy", "verdict"),
    [
        (LOOPBACK, PRODUCTION, "private_ip"),
        (LOOPBACK, DEVELOPMENT, None),
        (LOOPBACK, LISTED, None),
        (PRIVATE, PRODUCTION, "private_ip"),
        (PRIVATE, DEVELOPMENT, "private_ip"),
        (PRIVATE, LISTED, None),
        (PRIVATE, LISTED_IN_DEVELOPMENT, None),
        (SPELLED, PRODUCTION, "private_ip"),
        (SPELLED, DEVELOPMENT, "private_ip"),
        (SPELLED, LISTED, "private_ip"),
        (SPELLED, LISTED_IN_DEVELOPMENT, "private_ip"),
        (NEVER, PRODUCTION, "private_ip"),
        (NEVER, DEVELOPMENT, "private_ip"),
        (NEVER, LISTED, "private_ip"),
        (NEVER, LISTED_IN_DEVELOPMENT, "private_ip"),
        (NAMES, PRODUCTION, "private_ip"),
        (NAMES, DEVELOPMENT, "private_ip"),
        (NAMES, LISTED, "private_ip"),
        (LOCALHOST, PRODUCTION, "private_ip"),
        (LOCALHOST, LISTED, "private_ip"),
        (LOCALHOST, DEVELOPMENT, None),
        (BROKEN, PRODUCTION, "invalid_url"),
        (BROKEN, DEVELOPMENT, "invalid_url"),
        (BROKEN, LISTED, "invalid_url"),
    ],
)
def test_each_notation_has_its_verdict(
    hosts: tuple[str, ...], policy: Policy, verdict: str | None
) -> None:
    verdicts = {host: refusal(f"https://{host}/hook", policy) for host in hosts}

    assert verdicts == dict.fromkeys(verdicts, verdict)


def test_an_empty_port_is_that_of_the_scheme() -> None:
    assert target("https://hooks.example.com:/x").port == 443
    assert refusal("https://127.0.0.1:/x", PRODUCTION) == "private_ip"


@pytest.mark.parametrize(
    "port", ["0", "00", "65536", "99999", "4294967739", "-1", "+1", "1e3", "\uff18\uff10"]
)
def test_what_is_no_port_is_refused(port: str) -> None:
    assert refusal(f"https://hooks.example.com:{port}/", DEVELOPMENT) == "invalid_url"


@pytest.mark.parametrize(
    "url",
    [
        "", "#x", "?x", "/x", "//hooks.example.com/x", "hooks.example.com/x", "https:", "https:/x",
        "https://", "https:///x", "https://?x", "https://#x", "https:hooks.example.com",
        "ftp://hooks.example.com", "file:///etc/passwd", "javascript:alert(1)", "gopher://a:1/_x",
        "ws://hooks.example.com", "data:,x", "https//hooks.example.com", "h ttps://a.example.com",
        " https://a.example.com", "https://a.example.com ", "https://a.example.com/\r\nX: y",
        "https://a.example.com/\u2028", "http+unix://%2Fvar%2Frun%2Fdocker.sock/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("policy", [PRODUCTION, DEVELOPMENT, LISTED])
def test_what_is_no_web_address_is_refused(url: str, policy: Policy) -> None:
    assert refusal(url, policy) == "invalid_url"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("http://localhost:3000/webhook", None),
        ("HTTP://LocalHost/webhook", None),
        ("http://127.0.0.1/", None),
        ("http://[::1]:8080/", None),
        ("http://127.0.0.2/", "https_required"),
        ("http://hooks.example.com/", "https_required"),
        ("http://8.8.8.8/", "https_required"),
        ("http://10.0.0.1/", "https_required"),
        ("http://metadata/", "https_required"),
    ],
)
def test_plain_http_leads_to_the_machine_itself_and_not_in_production(
    url: str, verdict: str | None
) -> None:
    assert refusal(url, DEVELOPMENT) == verdict
    assert refusal(url, LISTED_IN_DEVELOPMENT) == verdict
    assert refusal(url, PRODUCTION) == refusal(url, LISTED) == "https_required"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com./x?y=1#z",
        "https://HOOKS.example.com:8443/päth?x=@:80",
        "https://hooks_1.example.com/x",
        "https://corp.example.com",
        "https://localhost.example.com",
        "https://127.0.0.1.example.com",
        "https://bücher.example",
        "https://xn--bcher-kva.example",
        "https://8.8.8.8:1/",
        "https://134744072/",
        "https://172.15.0.1/",
        "https://172.32.0.1/",
        "https://100.63.255.255/",
        "https://100.128.0.1/",
        "https://[2606:4700::1111]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::808:808]/",
        "https://[2002:808:808::1]/",
    ],
)
def test_what_is_public_is_accepted_everywhere(url: str) -> None:
    assert refusal(url, PRODUCTION) is refusal(url, DEVELOPMENT) is None


def test_a_target_has_one_spelling() -> None:
    one = target("https://HOOKS.Example.com./a/../b?c=d#e")
    address = target("https://0x8.8.8.8:8443")
    six = target("https://[2606:4700:0::1]:8443/")

    assert (one.host, one.address, one.port) == ("hooks.example.com", None, 443)
    assert (one.path, one.authority) == ("/a/../b?c=d", "hooks.example.com")
    assert (address.host, str(address.address), address.path) == ("8.8.8.8", "8.8.8.8", "")
    assert (six.host, six.authority) == ("2606:4700::1", "[2606:4700::1]:8443")


def test_names_in_other_scripts_are_looked_up_as_browsers_do() -> None:
    assert target("https://Bücher.example/").host == "xn--bcher-kva.example"
    assert target("https://straße.example/").host == "xn--strae-oqa.example"


def test_only_what_is_listed_becomes_reachable() -> None:
    settings = Settings(environment="production", webhook_allow_networks=("10.1.0.0/16",))
    policy = Policy.of(settings)

    assert refusal("https://10.1.2.3/", policy) is None
    assert refusal("https://10.2.0.1/", policy) == "private_ip"
    assert refusal("https://127.0.0.1/", policy) == "private_ip"
    assert refusal("https://[::ffff:10.1.2.3]/", policy) == "private_ip"
    assert refusal("http://10.1.2.3/", policy) == "https_required"


@pytest.mark.parametrize(
    ("environment", "is_production"),
    [("development", False), ("staging", False), ("production", True)],
)
def test_the_policy_is_that_of_the_settings(environment: str, is_production: bool) -> None:
    policy = Policy.of(Settings(environment=environment))  # type: ignore[arg-type]

    assert policy == Policy(is_production=is_production)


@given(st.ip_addresses())
def test_what_the_registries_do_not_call_global_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assume(getattr(address, "ipv4_mapped", None) is None)  # what it carries counts

    if not address.is_global or address.is_multicast:
        assert kind_of(address) is not AddressKind.PUBLIC


@given(st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    for url in (text, f"https://{text}/", f"https://a.example.com:{text}", f"https://[{text}]"):
        refusal(url, PRODUCTION)
        refusal(url, DEVELOPMENT)


def test_a_long_text_is_judged_at_once() -> None:
    for text in ("1." * 50_000, "é" * 50_000, "[" * 50_000, "0x" + "f" * 50_000, "9" * 50_000):
        assert refusal(f"https://{text}/", PRODUCTION) == "invalid_url"
