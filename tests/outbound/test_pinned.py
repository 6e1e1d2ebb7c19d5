"""Names: every address is checked, the connection goes to a checked one, the name is kept."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Final

import pytest

from spooled_lite.outbound.http_client import HttpClient, ReceiverAnswer
from spooled_lite.outbound.targets import Policy
from tests.outbound.calls import DEVELOPMENT, LISTED, PRODUCTION, Names, post, with_client
from tests.outbound.receiver import CERTIFICATE, Receiver
from tests.outbound.smtp_server import CERTIFICATE as LOCALHOST_CERTIFICATE

EVERYTHING: Final = Policy(
    is_production=True, allow_networks=tuple(map(ip_network, ("0.0.0.0/0", "::/0")))
)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver(certificate=CERTIFICATE) as it:
        yield it


def hooks(receiver: Receiver, path: str, host: str = "hooks.example.com") -> str:
    return f"https://{host}:{receiver.tls_port}{path}"


def is_refused(answer: ReceiverAnswer) -> bool:
    return (answer.error, answer.status_code) == ("Invalid webhook URL", None)


def has_failed(answer: ReceiverAnswer) -> bool:
    return (answer.error, answer.status_code) == ("Request failed", None)


# -- the name on the connection -------------------------------------------------------------------


def test_the_connection_goes_to_the_address_and_keeps_the_name(receiver: Receiver) -> None:
    names = Names(hooks=[["127.0.0.1"]])

    answer = post(hooks(receiver, "/ok/kept"), LISTED, lookup=names)

    [request] = receiver.requests("/ok/kept")
    assert answer.succeeded
    assert request.header("host") == f"hooks.example.com:{receiver.tls_port}"
    assert names.asked == ["hooks.example.com"]


def test_a_dot_at_the_end_of_a_name_is_not_part_of_it(receiver: Receiver) -> None:
    url = hooks(receiver, "/ok/dot", "HOOKS.example.com.")

    answer = post(url, LISTED, lookup=Names(hooks=[["127.0.0.1"]]))

    assert answer.succeeded
    [request] = receiver.requests("/ok/dot")
    assert request.header("host") == f"hooks.example.com:{receiver.tls_port}"


@pytest.mark.parametrize(
    "host", ["other.example.com", "example.com", "127.0.0.1", "x.hooks.example.com"]
)
def test_the_certificate_must_be_good_for_the_name(receiver: Receiver, host: str) -> None:
    names = Names(other=[["127.0.0.1"]], example=[["127.0.0.1"]], x=[["127.0.0.1"]])

    answer = post(hooks(receiver, "/ok/wrong-name", host), LISTED, lookup=names)

    assert has_failed(answer)
    assert receiver.requests("/ok/wrong-name") == []


def test_a_certificate_for_the_address_is_not_one_for_the_name() -> None:
    def trusting() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(LOCALHOST_CERTIFICATE))

    names = Names(hooks=[["127.0.0.1"]])
    with Receiver(certificate=LOCALHOST_CERTIFICATE) as receiver:
        by_name = post(hooks(receiver, "/ok/x"), LISTED, lookup=names, context=trusting)
        by_address = post(hooks(receiver, "/ok/y", "127.0.0.1"), LISTED, context=trusting)

        assert has_failed(by_name)
        assert by_address.succeeded
        assert [request.path for request in receiver.requests()] == ["/ok/y"]


def test_a_certificate_that_nobody_vouches_for_is_refused(receiver: Receiver) -> None:
    names = Names(hooks=[["127.0.0.1"]])

    answer = post(
        hooks(receiver, "/ok/unknown"), LISTED, lookup=names, context=ssl.create_default_context
    )

    assert has_failed(answer)
    assert receiver.requests("/ok/unknown") == []


def test_two_names_at_one_address_share_no_connection(receiver: Receiver) -> None:
    names = Names(hooks=[["127.0.0.1"]], other=[["127.0.0.1"]])

    async def scenario(client: HttpClient) -> list[ReceiverAnswer]:
        return [
            await client.post(hooks(receiver, "/ok/shared", host), b"{}", {})
            for host in ("hooks.example.com", "other.example.com", "hooks.example.com")
        ]

    answers = with_client(scenario, LISTED, lookup=names)

    assert [answer.succeeded for answer in answers] == [True, False, True]


# -- rebinding ------------------------------------------------------------------------------------


def test_a_name_is_looked_up_once_a_call(receiver: Receiver) -> None:
    # Whoever asks twice is led astray the second time.
    names = Names(hooks=[["127.0.0.1"], ["10.0.0.1"]])

    async def scenario(client: HttpClient) -> list[ReceiverAnswer]:
        url = hooks(receiver, "/ok/rebound")
        return [await client.post(url, b"{}", {}) for _ in range(3)]

    first, second, third = with_client(scenario, LISTED, lookup=names)

    assert first.succeeded
    assert is_refused(second)
    assert is_refused(third)
    assert len(names.asked) == 3
    assert len(receiver.requests("/ok/rebound")) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "10.0.0.1"],
        ["10.0.0.1", "127.0.0.1"],
        ["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "::ffff:127.0.0.1"],
        ["127.0.0.1", "fe80::1%eth0"],
        ["127.0.0.1", "no address"],
        ["127.0.0.1", "8.8.8.8", "169.254.169.254"],
    ],
)
def test_one_bad_address_spoils_the_others(receiver: Receiver, addresses: Sequence[str]) -> None:
    names = Names(hooks=[addresses])

    answer = post(hooks(receiver, "/ok/mixed"), LISTED, lookup=names)

    assert is_refused(answer)
    assert receiver.requests("/ok/mixed") == []


def test_plain_http_leads_to_the_machine_itself_whatever_its_name_says(receiver: Receiver) -> None:
    url = f"http://localhost:{receiver.port}/ok/plain"

    elsewhere = post(url, DEVELOPMENT, lookup=Names(localhost=[["8.8.8.8"]]))
    here = post(url, DEVELOPMENT, lookup=Names(localhost=[["127.0.0.1"]]))

    assert is_refused(elsewhere)
    assert here.succeeded


def test_outside_production_a_name_may_lead_to_the_machine_itself(receiver: Receiver) -> None:
    names = Names(hooks=[["127.0.0.1"]])

    assert post(hooks(receiver, "/ok/dev"), DEVELOPMENT, lookup=names).succeeded
    assert is_refused(post(hooks(receiver, "/ok/dev"), PRODUCTION, lookup=names))


def test_the_system_knows_localhost(receiver: Receiver) -> None:
    assert post(f"http://localhost:{receiver.port}/ok/system").succeeded


# -- several addresses, none, and silence ---------------------------------------------------------


def test_an_address_that_does_not_answer_gives_way_to_the_next(receiver: Receiver) -> None:
    # Nobody listens at the first two.
    names = Names(hooks=[["127.0.0.2", "127.0.0.3", "127.0.0.1"]])

    assert post(hooks(receiver, "/ok/third"), LISTED, lookup=names).succeeded


def test_of_many_addresses_only_the_first_few_are_tried(receiver: Receiver) -> None:
    names = Names(hooks=[[f"127.0.0.{last}" for last in (2, 3, 4, 5, 1)]])

    assert has_failed(post(hooks(receiver, "/ok/fifth"), LISTED, lookup=names))


def test_what_was_sent_is_not_sent_to_the_next_address(receiver: Receiver) -> None:
    names = Names(hooks=[["127.0.0.1", "127.0.0.1"]])

    answer = post(hooks(receiver, "/closes/once"), LISTED, lookup=names)

    assert has_failed(answer)
    assert len(receiver.requests("/closes/once")) == 1


@pytest.mark.parametrize("answers", [[], [[]]])
def test_a_name_without_an_address_is_a_failure(answers: list[list[str]]) -> None:
    assert has_failed(post("https://hooks.example.com/", PRODUCTION, lookup=Names(hooks=answers)))


def test_a_lookup_without_an_answer_ends_in_time() -> None:
    async def silent(host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    answer = post("https://hooks.example.com/", PRODUCTION, lookup=silent, connect_seconds=0.2)

    assert has_failed(answer)
    assert 200 <= answer.duration_ms < 2000


@pytest.mark.parametrize("address", ["fe80::1%lo", "2606:4700::1111%1"])
def test_an_address_with_a_zone_is_refused_even_if_listed(address: str) -> None:
    names = Names(hooks=[[address]])

    assert is_refused(post("https://hooks.example.com/", EVERYTHING, lookup=names))
