"""A world, as a test holds it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote

from spooled_lite.outbound.signatures import sign_stripe
from spooled_lite.testing.public.clock import Clock
from spooled_lite.testing.public.drained import Drained, Outcome, drained
from spooled_lite.testing.public.expectations import Expectation, expect
from spooled_lite.testing.public.faults import Faults
from spooled_lite.testing.public.inboxes import MailInbox, WebhookInbox
from spooled_lite.testing.public.journal import Journal
from spooled_lite.testing.public.link import Link, NotStarted
from spooled_lite.testing.public.seeded import Seeded, seed
from spooled_lite.testing.public.times import length_of, time_of
from spooled_lite.testing.public.worker import SOON, working

if TYPE_CHECKING:
    from spooled.client import SpooledClient
    from spooled.worker.worker import SpooledWorker


class World:
    """A server as a test sees it: its address, a key, its clock, what happened in it and what goes
    wrong. A fork is one, and so is the server itself."""

    _link: Link | None = None

    def __init__(
        self, link: Link, about: Mapping[str, Any], admin_key: str | None, grpc: str | None
    ) -> None:
        """`about`: the answer to POST /test/fork."""
        self.admin_key = admin_key
        self.grpc_address = grpc
        self.name: str = about["name"]
        self.keys: Mapping[str, str] = about["keys"]
        self._enter(link, about["organization_id"])

    def _enter(self, link: Link, organization_id: str | None) -> None:
        self._link = link
        self._organization_id = organization_id
        self.clock = Clock(link)

    @property
    def link(self) -> Link:
        """Raises NotStarted."""
        if self._link is None:
            raise NotStarted("the server was not started: use it with `with`, or call start()")
        return self._link

    @property
    def url(self) -> str:
        return self.link.url

    @property
    def api_key(self) -> str:
        """A key without limits, of this world only."""
        return self.link.api_key

    @property
    def organization_id(self) -> str:
        if self._organization_id is None:
            self._organization_id = str(self.call("GET", "/auth/me")["organization_id"])
        return self._organization_id

    @property
    def faults(self) -> Faults:
        """What goes wrong on request."""
        return Faults(self.link)

    @property
    def journal(self) -> Journal:
        """What happened, in order."""
        return Journal(self.link)

    @property
    def webhooks(self) -> WebhookInbox:
        """Calls of webhooks to `https://inbox.test/NAME`."""
        return WebhookInbox(self.link)

    @property
    def mails(self) -> MailInbox:
        """Mails, none of which has left."""
        return MailInbox(self.link)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call any route below `/api/v1`; its answer, decoded. Raises RefusedCall."""
        return self.link.call(method, path, body)

    def fork(
        self,
        name: str | None = None,
        *,
        at: datetime | str | None = None,
        keys: Sequence[Mapping[str, Any]] = (),
        faults: Literal["none", "copy"] = "none",
    ) -> "World":
        """Copy this world: the copy has rows, a clock, ids and a key of its own.

        `at` leads its clock there at once. `keys` are more keys for it, such as
        `{"name": "web", "queues": ["emails"]}`; they are in `World.keys` by name.
        With `faults="copy"` it begins with the faults of this one, and what has come of them.

        Raises:
            RefusedCall: the name is taken or unusable, or there are too many forks.
        """
        body = {"name": name, "at": None if at is None else time_of(at), "keys": list(keys)}
        body["faults"] = faults
        about = self.link.call("POST", "/test/fork", body)
        link = self.link.with_key(about["api_key"])
        return World(link, about, self.admin_key, self.grpc_address)

    def reset(self) -> None:
        """Go back to the baseline: the state after the start, or after the last `baseline`."""
        self.link.call("POST", "/test/reset")

    def baseline(self) -> None:
        """Make the present state the one that a reset goes back to."""
        self.link.call("POST", "/test/baseline")

    def seed(self, source: Mapping[str, Any] | str | PathLike[str]) -> Seeded:
        """Store everything that a test begins with, or nothing: a mapping of sections, or the path
        of a JSON, TOML or YAML file. The keys that it makes are in `World.keys` by name, too.

        Raises:
            RefusedCall: something is wrong; the message names the place, such as `jobs[3].payload`.
            ClockStopped: the clock could not be led to the time of the seed.
            CannotSeed: the file cannot be read.
            ValueError: JSON cannot say something in the mapping.
        """
        made = seed(self.link, source)
        self.keys = {**self.keys, **{name: each.key for name, each in made.keys.items()}}
        return made

    def expect(
        self, *wanted: Expectation, within: timedelta | str = "0s", real_ms: int = 0
    ) -> None:
        """Say what has to have happened, or to happen while so much time passes.

            server.expect({"queue": "emails", "status": "completed", "count": 2}, within="7d")

        `real_ms` waits in real time instead, up to 25,000, for workers that take their own.

        Raises:
            NotMet: something does not hold; tells what came nearest and how it differs.
            ClockStopped: time could not be moved that far.
        """
        expect(self.link, wanted, within=within, real_ms=real_ms)

    def drain(
        self,
        queue: str,
        *outcomes: Outcome,
        with_scheduled: bool = True,
        with_new: bool = True,
        takes: timedelta | str = "0s",
        jobs_max: int = 1_000,
    ) -> Drained:
        """Work a queue off without a worker; without outcomes all jobs complete.

            server.drain("charges", {"fail": 2, "error": "declined", "then": "complete"})

        `with_scheduled`: time passes to reach delays and retries. `with_new`: jobs that appear
        meanwhile are taken too. `takes`: how long each attempt takes.

        Raises:
            ClockStopped: there are more jobs than `jobs_max`, or it took 25 real seconds; the
                call can be repeated.
        """
        body = {
            "queue": queue,
            "outcomes": list(outcomes),
            "with_scheduled": with_scheduled,
            "with_new": with_new,
            "takes": length_of(takes),
            "jobs_max": jobs_max,
        }
        return drained(self.link.call("POST", "/test/drain", body))

    def sign_stripe(self, body: bytes | str, secret: str) -> str:
        """The header `Stripe-Signature` for an event, signed at the time of this world: signed
        at another one it would be refused as too old."""
        raw = body.encode() if isinstance(body, str) else body
        return sign_stripe(secret, int(self.clock.now.timestamp()), raw)

    def client(self, **options: Any) -> "SpooledClient":
        """A client of the official SDK, which has to be installed. What it repeats, it repeats
        soon, unless `retry` says otherwise: its waits are in real time."""
        from spooled.client import SpooledClient

        return SpooledClient(api_key=self.api_key, base_url=self.url, **{"retry": SOON, **options})

    def worker(
        self, queue: str, handler: Callable[..., object], **options: Any
    ) -> "AbstractContextManager[SpooledWorker]":
        """Run a worker of the official SDK in a thread, for as long as the context lasts."""
        return working(self.client(), queue, handler, options)

    def close(self) -> None:
        """Delete the fork."""
        if self._link is not None:
            self._link.call("DELETE", f"/test/forks/{quote(self.name, safe='')}")
            self._link = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
