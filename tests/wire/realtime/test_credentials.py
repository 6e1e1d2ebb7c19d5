"""Who may open a stream, how they say who they are, and what ends it when they may no more."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from tests.server_process import API_KEY, ServerProcess
from tests.wire.http.raw_http import Answer
from tests.wire.realtime.stage import Stage, on_stage

ROUTES = ["events", "events/jobs/x", "events/queues/emails", "ws"]
MISSING = "Missing authentication token"
INVALID = "Invalid or expired token"
REVOKED = "Token has been revoked"


def told(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.json["code"], answer.json["message"]


async def refusal(stage: Stage, path: str, headers: dict[str, str] | None = None) -> Answer:
    """What a stream, or the upgrade to a WebSocket, is refused with."""
    if not path.startswith("ws"):
        return await stage.refused(path, headers or {})
    with pytest.raises(InvalidStatus) as refused:
        await stage.bare_socket(path.partition("?")[2], headers)
    response = refused.value.response
    shown = {name.lower(): value for name, value in response.headers.raw_items()}
    return Answer(response.status_code, shown, bytes(response.body))


async def opens(stage: Stage, path: str, headers: dict[str, str] | None = None) -> bool:
    if path.startswith("ws"):
        socket = await stage.bare_socket(path.partition("?")[2], headers)
        return bool((await socket.next())["type"] in ("Ping", "ping"))
    return (await stage.stream(path, headers or {})).status == 200


@pytest.mark.parametrize("path", ROUTES)
def test_every_form_of_a_credential_opens_every_route(path: str) -> None:
    async def test(stage: Stage) -> None:
        key = stage.key
        access, _ = await stage.tokens()

        assert await opens(stage, path, {"Authorization": f"Bearer {access}"})
        assert await opens(stage, path, {"Authorization": f"Bearer {key}"})
        assert await opens(stage, path, {"X-API-Key": key})
        assert await opens(stage, f"{path}?token={access}")
        assert await opens(stage, f"{path}?token={key}")
        assert await opens(stage, f"{path}?api_key={key}")

    on_stage(test)


@pytest.mark.parametrize("path", ROUTES)
def test_the_first_credential_in_the_order_of_the_contract_counts(path: str) -> None:
    async def test(stage: Stage) -> None:
        good, bad = stage.key, "sk_test_nobody_has_this_one"
        header, other = {"Authorization": f"Bearer {good}"}, {"X-API-Key": good}
        wrong, wrong_other = {"Authorization": f"Bearer {bad}"}, {"X-API-Key": bad}

        for query, headers in (
            (f"token={bad}&api_key={bad}", {**header, **wrong_other}),
            (f"token={bad}&api_key={bad}", other),
            (f"token={good}&api_key={bad}", {}),
            (f"token={good}", {"Authorization": "Basic dXNlcjpwYXNz"}),
            (f"token=&api_key={good}", {}),
        ):
            assert await opens(stage, f"{path}?{query}", headers), (query, headers)
        for query, headers in (
            (f"token={good}&api_key={good}", {**wrong, **other}),
            (f"token={good}&api_key={good}", wrong_other),
            (f"token={bad}&api_key={good}", {}),
        ):
            answer = await refusal(stage, f"{path}?{query}", headers)
            assert told(answer) == (401, "UNAUTHORIZED", INVALID), (query, headers)

    on_stage(test)


@pytest.mark.parametrize("path", ROUTES)
def test_refusals_come_before_the_stream_and_say_what_is_wrong(path: str) -> None:
    async def test(stage: Stage) -> None:
        _, refresh = await stage.tokens()
        key = await stage.issue()
        access, _ = await stage.tokens(key.secret)
        other_access, _ = await stage.tokens()
        logout = {"Authorization": f"Bearer {other_access}"}
        assert (await stage.call("POST", "/api/v1/auth/logout", {}, headers=logout)).status < 300
        await stage.post(f"api-keys/{key.row['id']}", method="DELETE")

        nothing = await refusal(stage, path)
        for bad in ("sk_test_unknown", "eyJhbGciOiJIUzI1NiJ9.e30.x", refresh, "é", "x" * 9_000):
            answer = await refusal(stage, f"{path}?token={quote(bad)}")
            if answer.status == 400:  # the library takes no line over 8 KiB
                assert len(bad) > 8_000
                continue
            assert told(answer) == (401, "UNAUTHORIZED", INVALID), bad
        for gone in (key.secret, access, other_access):
            answer = await refusal(stage, f"{path}?token={gone}")
            assert told(answer) == (401, "UNAUTHORIZED", REVOKED)

        assert told(nothing) == (401, "UNAUTHORIZED", MISSING)
        assert nothing.json["error"] == "unauthorized"
        assert nothing.headers["x-request-id"]

    on_stage(test)


@pytest.mark.parametrize("path", ROUTES)
def test_a_token_that_has_expired_opens_nothing(path: str) -> None:
    async def test(stage: Stage) -> None:
        access, _ = await stage.tokens()
        stage.clock.advance(seconds=25 * 3600)

        answer = await refusal(stage, f"{path}?token={access}")

        assert told(answer) == (401, "UNAUTHORIZED", INVALID)

    on_stage(test)


@pytest.mark.parametrize("path", ROUTES)
def test_a_key_needs_the_word_for_reading_jobs(path: str) -> None:
    async def test(stage: Stage) -> None:
        without = await stage.issue(permissions=("queues:write",))
        with_it = await stage.issue(permissions=("jobs:write",))

        answer = await refusal(stage, f"{path}?token={without.secret}")

        assert told(answer)[:2] == (403, "ACCESS_DENIED")
        assert "`jobs:read`" in answer.json["message"]
        assert await opens(stage, f"{path}?token={with_it.secret}")

    on_stage(test)


@pytest.mark.parametrize("path", ROUTES)
def test_a_suspended_organization_opens_nothing(path: str) -> None:
    async def test(stage: Stage) -> None:
        await stage.call(
            "PATCH",
            f"/api/v1/admin/organizations/{stage.it.organization_id}",
            {"is_active": False},
            headers={"X-Admin-Key": "an admin key for tests"},
        )

        assert (await refusal(stage, f"{path}?token={stage.key}")).status == 403

    on_stage(test, admin_key="an admin key for tests")


@pytest.mark.parametrize(
    "path",
    ["events?queue=orders", "events?queues=emails,orders", "events/queues/orders",
     "ws?queue=orders"],
)  # fmt: skip
def test_a_queue_outside_the_list_of_a_key_is_refused(path: str) -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue(queues=("emails", "news-*"))
        sign = "&" if "?" in path else "?"

        answer = await refusal(stage, f"{path}{sign}token={key.secret}")

        assert told(answer)[:2] == (403, "ACCESS_DENIED")
        assert await opens(stage, f"{path.replace('orders', 'news-1')}{sign}token={key.secret}")

    on_stage(test)


@pytest.mark.parametrize("path", ["events", "ws"])
@pytest.mark.parametrize(
    "query", ["queue=a%20b", "queue=" + "q" * 101, "queues=a,b%2Fc", "queue=%0A"]
)
def test_what_no_queue_can_be_called_is_refused(path: str, query: str) -> None:
    async def test(stage: Stage) -> None:
        answer = await refusal(stage, f"{path}?{query}&token={stage.key}")

        assert told(answer)[:2] == (400, "VALIDATION_ERROR")

    on_stage(test)


def test_a_queue_name_in_the_path_is_looked_at_too() -> None:
    async def test(stage: Stage) -> None:
        for name in ("a%20b", "q" * 129, "*", ".x"):
            answer = await refusal(stage, f"events/queues/{name}?token={stage.key}")
            assert told(answer)[:2] == (400, "VALIDATION_ERROR")

    on_stage(test)


def test_websockets_are_taken_at_one_path_only_and_it_takes_nothing_else() -> None:
    async def test(stage: Stage) -> None:
        plain = await stage.refused("ws")
        for path in ("jobs", "events", "nowhere"):
            client = await stage.connect()
            await client.send(
                f"GET /api/v1/{path}?token={stage.key} HTTP/1.1\r\nHost: t\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            assert told(await client.read_answer())[:2] == (404, "NOT_FOUND")
        wrong_method = await stage.call("POST", "/api/v1/ws", {})

        assert told(plain)[:2] == (400, "BAD_REQUEST")
        assert told(wrong_method)[:2] == (405, "METHOD_NOT_ALLOWED")

    on_stage(test)


@pytest.mark.parametrize("path", ROUTES)
def test_a_stream_costs_one_request_of_the_limit(path: str) -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue(rate_limit=1)

        assert await opens(stage, f"{path}?token={key.secret}")
        answer = await refusal(stage, f"{path}?token={key.secret}")

        assert told(answer)[:2] == (429, "RATE_LIMIT_EXCEEDED")
        assert int(answer.headers["retry-after"]) > 0

    on_stage(test)


# -- secrets ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_credentials_of_the_query_are_never_logged(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        port = int(url.rpartition(":")[2])
        for path in ROUTES:
            for query in (f"token={API_KEY}", f"api_key={API_KEY}", "token=sk_test_a_wrong_key"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                upgrade += (
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                )
                head = f"GET /api/v1/{path}?{query} HTTP/1.1\r\nHost: t\r\n"
                writer.write((head + (upgrade if path == "ws" else "") + "\r\n").encode())
                async with asyncio.timeout(10):
                    await reader.readuntil(b"\r\n\r\n")
                writer.close()

    with ServerProcess(tmp_path, log_level="debug") as server:
        server.start()

        asyncio.run(talk(server.url))

        server.stop()
        assert "/api/v1/ws" in server.log
        assert "/api/v1/events" in server.log
        for secret in (API_KEY, "sk_test_a_wrong_key", "token=", "api_key="):
            assert secret not in server.log
