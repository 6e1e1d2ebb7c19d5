"""Sends the requests of a recording one by one, and compares the answers."""

import asyncio
from typing import Any, Final

import httpx
import msgspec
from msgspec import Struct, field

from spooled_lite.recording.bodies import KEPT_BODY_BYTES_MAX, BodyCopy
from spooled_lite.recording.diff import Difference, differences
from spooled_lite.recording.exchanges import Exchange, KeptResponse
from spooled_lite.recording.headers import kept
from spooled_lite.recording.learned import Credentials, Learned, ReadyRequest
from spooled_lite.recording.rules import DiffRules
from spooled_lite.recording.server_address import ServerAddress
from spooled_lite.recording.tape import Recording
from spooled_lite.times import format_ms

CONNECT_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 16 * KEPT_BODY_BYTES_MAX  # more of an answer is not read
MOVES_MAX: Final = 20  # each goes on where the one before has used up its steps
TEST_MODE: Final = "/api/v1/test"
OWN_CLOCK: Final = "x-spooled-clock"
OK: Final = 200


class CannotReplay(Exception):
    """The server cannot be asked further. Says at which exchange, and why."""


class Replayed(Struct):
    """One exchange of the recording, and how it went."""

    n: int
    method: str
    path: str
    differences: list[Difference]
    skipped: str | None = None  # why it was not sent


class ReplayOutcome(Struct):
    exchanges: list[Replayed] = field(default_factory=list)

    @property
    def sent_count(self) -> int:
        return sum(each.skipped is None for each in self.exchanges)

    @property
    def differ_count(self) -> int:
        return sum(bool(each.differences) for each in self.exchanges)

    @property
    def skipped_count(self) -> int:
        return len(self.exchanges) - self.sent_count


async def replayed(
    recording: Recording,
    target: ServerAddress,
    credentials: Credentials,
    rules: DiffRules,
    *,
    answer_seconds: float,
) -> ReplayOutcome:
    """Replay all of it. In test mode the clock moves by the gaps between the requests, unless the
    recording is of such a server: then what moved its clock is in it.

    Raises:
        CannotReplay: the server is not there, does not answer in time, or its clock cannot move.
    """
    async with httpx.AsyncClient(trust_env=False, timeout=answer_seconds) as client:
        return await _Replay(client, target, credentials, rules, answer_seconds).all(recording)


class _Replay:
    def __init__(
        self,
        client: httpx.AsyncClient,
        target: ServerAddress,
        credentials: Credentials,
        rules: DiffRules,
        answer_seconds: float,
    ) -> None:
        self._client = client
        self._target = target
        self._credentials = credentials
        self._rules = rules
        self._answer_seconds = answer_seconds
        self._learned = Learned(credentials)

    async def all(self, recording: Recording) -> ReplayOutcome:
        outcome = ReplayOutcome()
        moves = not any(OWN_CLOCK in each.response.headers for each in recording.exchanges)
        moves = moves and await self._clock_stands()
        now_ms: int | None = None
        for exchange in recording.exchanges:
            skipped = _why_skipped(exchange)
            if moves and skipped is None:
                if now_ms is not None and exchange.at_ms > now_ms:
                    await self._advance(exchange.at_ms - now_ms)
                now_ms = max(now_ms or 0, exchange.at_ms)
            outcome.exchanges.append(await self._one(exchange, skipped))
        return outcome

    async def _one(self, exchange: Exchange, skipped: str | None) -> Replayed:
        request, found = exchange.request, list[Difference]()
        shown = self._learned.shown(request.path)
        if skipped is None:
            try:
                ready = self._learned.ready(request, exchange.response.status)
                answer = await self._answer(ready)
            except (CannotReplay, RecursionError) as error:
                raise CannotReplay(f"#{exchange.n} {request.method} {shown}: {error}") from error
            found = differences(exchange.response, answer, self._rules, self._learned)
        return Replayed(exchange.n, request.method, shown, found, skipped)

    async def _answer(self, ready: ReadyRequest) -> KeptResponse:
        """Raises CannotReplay."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with (
                asyncio.timeout(self._answer_seconds),
                self._client.stream(
                    ready.method,
                    self._target.at(ready.path),
                    headers={**ready.headers, "accept-encoding": "identity"},
                    content=ready.body or None,
                ) as answer,
            ):
                copied, count = BodyCopy(), 0
                async for data in answer.aiter_raw():
                    copied.add(data)
                    count += len(data)
                    if count > ANSWER_BYTES_MAX:
                        break
        except TimeoutError:
            raise CannotReplay(f"no answer within {self._answer_seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise CannotReplay(str(error) or type(error).__name__) from error
        headers = kept(answer.headers.raw)
        return KeptResponse(
            status=answer.status_code,
            headers=headers,
            ms=round((loop.time() - began) * 1000),
            **msgspec.structs.asdict(copied.body(headers)),
        )

    async def _clock_stands(self) -> bool:
        answer = await self._answer(self._of_our_own("GET", TEST_MODE, None))
        body = answer.body
        return answer.status == OK and isinstance(body, dict) and body.get("mode") == "frozen"

    async def _advance(self, by_ms: int) -> None:
        """Move the clock, in several moves where the steps of one are not enough."""
        clock = (await self._answer(self._of_our_own("GET", f"{TEST_MODE}/clock", None))).body
        if not isinstance(clock, dict) or not isinstance(clock.get("now_ms"), int):
            raise CannotReplay("the server does not tell its clock any more")
        to = format_ms(clock["now_ms"] + by_ms)
        move = {"to": to, "workers": "ignore", "report": 0}
        for _ in range(MOVES_MAX):
            answer = await self._answer(
                self._of_our_own("POST", f"{TEST_MODE}/clock/advance", move)
            )
            if answer.status == OK:
                return
            body: dict[str, Any] = answer.body if isinstance(answer.body, dict) else {}
            if (body.get("details") or {}).get("reason") != "budget":
                break
        raise CannotReplay(f"the clock did not move to {to}: {body.get('message', answer.status)}")

    def _of_our_own(self, method: str, path: str, body: Any) -> ReadyRequest:
        headers = {"authorization": f"Bearer {self._credentials.api_key}"}
        if body is None:
            return ReadyRequest(method, path, headers, b"")
        headers["content-type"] = "application/json"
        return ReadyRequest(method, path, headers, msgspec.json.encode(body))


def _why_skipped(exchange: Exchange) -> str | None:
    if exchange.is_stream:
        return "a stream"
    if exchange.request.omitted is not None:
        return f"its body was not kept: {exchange.request.omitted}"
    return None
