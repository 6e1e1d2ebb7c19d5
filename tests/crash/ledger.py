"""What the clients were told, and what they asked without being told: the other book."""

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import Struct, field

from spooled_lite.times import parse_ms

Outcome = Literal["acknowledged", "refused", "unknown"]


class Asked(Struct):
    """One job that was asked for. Its token is in the payload and nowhere else."""

    token: str
    queue_name: str
    outcome: Outcome
    job_id: str | None = None
    key: str | None = None
    bulk: int | None = None  # jobs of one bulk call are stored together or not at all


class Lease(Struct):
    """One hand-out that reached its client."""

    job_id: str
    lease_id: str
    started_ms: int
    expires_ms: int  # as far as the client was told
    ending_sent: bool = False  # from here on it may be over at any moment
    completed: Outcome | None = None
    result: Any = None  # what it was completed with
    was_asked_again: bool = False  # the completion was not answered the first time
    failed: Outcome | None = None
    error: str | None = None  # unique, so that the failure can be found in the history

    def renewed_to(self, expires_at: str) -> None:
        self.expires_ms = parse_ms(expires_at, "lease_expires_at")


class Ledger(Struct):
    """All that a series of rounds has done to one file."""

    asked: dict[str, Asked] = field(default_factory=dict)  # by token
    ids_of_key: dict[str, str] = field(default_factory=dict)
    leases: dict[str, list[Lease]] = field(default_factory=dict)  # by job
    complaints: list[str] = field(default_factory=list)  # promises broken in front of a client

    def note_created(self, asked: Asked, job_id: str, created: bool) -> None:
        """The answer to a create. A key that was seen names the job of the first token."""
        if asked.key is None:
            if not created:
                self.complaints.append(f"{asked.token} has no key and was not created")
            asked.outcome, asked.job_id = "acknowledged", job_id
            return
        first = self.ids_of_key.setdefault(asked.key, job_id)
        if first != job_id:
            self.complaints.append(f"key {asked.key} gave {first}, then {job_id}")
        if created:
            asked.outcome, asked.job_id = "acknowledged", job_id
        else:
            asked.outcome = "refused"  # this token is not stored: another one had the key

    def note_claimed(self, jobs: Iterable[dict[str, str]]) -> list[Lease]:
        """The answer to a claim. Complains about a job whose earlier lease is still live."""
        noted = []
        for job in jobs:
            lease = Lease(
                job_id=job["id"],
                lease_id=job["lease_id"],
                started_ms=parse_ms(job["started_at"], "started_at"),
                expires_ms=parse_ms(job["lease_expires_at"], "lease_expires_at"),
            )
            for earlier in self.leases.setdefault(lease.job_id, []):
                if not earlier.ending_sent and earlier.expires_ms > lease.started_ms:
                    self.complaints.append(
                        f"job {lease.job_id} was handed out under {lease.lease_id} while"
                        f" {earlier.lease_id} was live"
                    )
            self.leases[lease.job_id].append(lease)
            noted.append(lease)
        return noted

    def counts(self) -> dict[str, int]:
        """What a series has put to the test."""
        leases = [lease for of_job in self.leases.values() for lease in of_job]
        asked = self.asked.values()
        return {
            "created": sum(one.outcome == "acknowledged" for one in asked),
            "created, unknown": sum(one.outcome == "unknown" for one in asked),
            "claimed": len(leases),
            "completed": sum(lease.completed == "acknowledged" for lease in leases),
            "completed, unknown": sum(lease.completed == "unknown" for lease in leases),
            "completed, asked again": sum(lease.was_asked_again for lease in leases),
            "failed": sum(lease.failed == "acknowledged" for lease in leases),
            "failed, unknown": sum(lease.failed == "unknown" for lease in leases),
        }
