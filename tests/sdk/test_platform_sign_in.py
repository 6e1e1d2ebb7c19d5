"""The auth calls of the official client, and clients that were given tokens."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from spooled.client import SpooledClient
from spooled.errors import AuthenticationError, ValidationError
from spooled.types.auth import LoginResponse

from tests.sdk.driven import a_client
from tests.sdk.platform_stage import register
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def tokens(client: SpooledClient) -> LoginResponse:
    return client.auth.login({"api_key": API_KEY})


@pytest.fixture
def signed_in(server: ServerProcess, kind: str, tokens: LoginResponse) -> Iterator[SpooledClient]:
    """A client that has an access token and nothing else."""
    with a_client(kind, server.url, None, access_token=tokens.access_token) as it:
        yield it


def test_a_key_is_exchanged_for_two_tokens(tokens: LoginResponse) -> None:
    assert (tokens.token_type, tokens.expires_in) == ("Bearer", 86_400)
    assert tokens.refresh_expires_in == 2_073_600
    assert tokens.access_token != tokens.refresh_token


def test_an_unknown_key_signs_nobody_in(client: SpooledClient) -> None:
    with pytest.raises(AuthenticationError) as refused:
        client.auth.login({"api_key": "sk_test_of_nobody_at_all"})

    assert refused.value.code == "AUTHENTICATION_FAILED"


def test_who_is_calling_is_told_to_a_key_and_to_its_token(
    client: SpooledClient, signed_in: SpooledClient, server: ServerProcess
) -> None:
    by_key, by_token = client.auth.me(), signed_in.auth.me()

    assert by_key.organization_id == by_token.organization_id == server.ready["organization_id"]
    assert by_key.api_key_id == by_token.api_key_id
    assert by_token.organization is not None
    assert by_key.organization == by_token.organization
    assert (by_token.organization.slug, by_token.organization.plan_tier) == (
        "default",
        "enterprise",
    )
    assert by_token.expires_at - by_token.issued_at == timedelta(days=1)
    assert by_key.expires_at > datetime.now(UTC) + timedelta(days=365)


def test_a_token_opens_what_its_key_opens(signed_in: SpooledClient, queue: str) -> None:
    made = signed_in.jobs.create({"queue_name": queue, "payload": {"n": 1}})

    assert signed_in.jobs.get(made.id).payload == {"n": 1}
    assert signed_in.organizations.list()


def test_a_token_stops_working_when_it_is_logged_out(
    signed_in: SpooledClient, client: SpooledClient, tokens: LoginResponse
) -> None:
    signed_in.jobs.list()

    signed_in.auth.logout()

    with pytest.raises(AuthenticationError) as refused:
        signed_in.jobs.list()
    assert refused.value.code == "UNAUTHORIZED"
    assert client.auth.validate({"token": tokens.access_token}).valid is False
    assert client.auth.validate({"token": tokens.refresh_token}).valid is True


def test_logging_out_with_the_refresh_token_ends_both(
    signed_in: SpooledClient, client: SpooledClient, tokens: LoginResponse
) -> None:
    signed_in.auth.logout(tokens.refresh_token)

    with pytest.raises(AuthenticationError) as refused:
        client.auth.refresh({"refresh_token": tokens.refresh_token})
    assert refused.value.code == "AUTHENTICATION_FAILED"
    with pytest.raises(AuthenticationError):
        signed_in.jobs.list()


def test_the_old_refresh_token_goes_on_working(
    client: SpooledClient, tokens: LoginResponse, server: ServerProcess, kind: str
) -> None:
    made = [client.auth.refresh({"refresh_token": tokens.refresh_token}) for _ in range(3)]

    access = {each.access_token for each in made} | {tokens.access_token}
    assert len(access) == 4
    for each in made:
        assert (each.token_type, each.expires_in) == ("Bearer", 86_400)
        with a_client(kind, server.url, None, access_token=each.access_token) as it:
            assert it.auth.me().organization_id


def test_a_client_with_both_tokens_mends_a_dead_access_token_itself(
    server: ServerProcess, kind: str, signed_in: SpooledClient, tokens: LoginResponse
) -> None:
    signed_in.auth.logout()
    both = {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token}

    with a_client(kind, server.url, None, **both) as it:
        assert it.jobs.list() is not None


def test_an_access_token_refreshes_nothing(client: SpooledClient, tokens: LoginResponse) -> None:
    with pytest.raises(AuthenticationError):
        client.auth.refresh({"refresh_token": tokens.access_token})


def test_a_refresh_token_opens_nothing(
    server: ServerProcess, kind: str, tokens: LoginResponse
) -> None:
    with (
        a_client(kind, server.url, None, access_token=tokens.refresh_token) as it,
        pytest.raises(AuthenticationError),
    ):
        it.jobs.list()


def test_a_token_is_looked_at(
    client: SpooledClient, tokens: LoginResponse, server: ServerProcess
) -> None:
    for token in (tokens.access_token, tokens.refresh_token):
        seen = client.auth.validate({"token": token})
        assert seen.valid
        assert seen.organization_id == server.ready["organization_id"]
        assert seen.api_key_id == client.auth.me().api_key_id
        assert seen.queues is not None
        assert seen.expires_at is not None

    broken = client.auth.validate({"token": tokens.access_token[:-4] + "AAAA"})

    assert (broken.valid, broken.organization_id) == (False, None)
    assert broken.error


def test_tokens_die_with_their_key(server: ServerProcess, kind: str, client: SpooledClient) -> None:
    made = client.api_keys.create({"name": "soon gone"})
    tokens = client.auth.login({"api_key": made.key})
    with a_client(kind, server.url, None, access_token=tokens.access_token) as it:
        it.jobs.list()

        client.api_keys.delete(made.id)

        with pytest.raises(AuthenticationError):
            it.jobs.list()
    with pytest.raises(AuthenticationError):
        client.auth.refresh({"refresh_token": tokens.refresh_token})


def test_an_address_is_checked_and_sent_a_code(client: SpooledClient) -> None:
    address = f"{register(client).organization.slug}@example.com"
    made = register(client, billing_email=address)

    # Nobody has shown yet that it is theirs.
    assert made.organization.billing_email == address
    assert client.auth.check_email(address).exists is False
    assert client.auth.check_email(f"no-{address}").exists is False
    known, unknown = (client.auth.start_email_login(each) for each in (address, f"no-{address}"))
    assert known.message == unknown.message
    assert known.expires_in == unknown.expires_in == 900
    assert known.email_sent_to
    assert known.email_sent_to != address
    with pytest.raises(ValidationError):
        client.auth.start_email_login("not an address")
