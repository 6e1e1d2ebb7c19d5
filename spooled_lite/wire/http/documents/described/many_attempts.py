"""Calls about many jobs that a worker holds, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc
from spooled_lite.wire.http.resources import many_attempts
from spooled_lite.wire.shapes import many_attempts as bodies
from spooled_lite.wire.shapes.common import A_LEASE, AN_ID

MANY_ATTEMPTS: Final[Mapping[Handler, Doc]] = {
    many_attempts.renew_many: Doc(
        summary="Renew many leases",
        about="Each as `POST /jobs/{id}/heartbeat` does, with a result of its own, in the order of"
        " the call. With `wait_ms` the answer waits, if all were renewed, until one of the jobs is"
        " told to stop or was cancelled, and then says so of that one; or until the time is up. The"
        " leases are renewed at the beginning only: a wait should be shorter than they are.",
        body=bodies.RenewLeases,
        example={
            "worker_id": "mailer-1",
            "lease_duration_secs": 30,
            "leases": [{"id": AN_ID, "lease_id": A_LEASE}],
        },
        answer=bodies.LeasesRenewed,
    ),
    many_attempts.settle_many: Doc(
        summary="Settle many jobs",
        about="Each as `POST /jobs/{id}/complete` or `POST /jobs/{id}/fail` does, in the order of"
        " the call: one with `error`, `final`, `retry_after_ms` or `released` has failed or is"
        " handed back, any other is completed. One that is refused changes nothing and keeps none"
        " of the others from being settled. All that are done are on the disk when the answer"
        " comes.",
        body=bodies.SettleJobs,
        parts=(bodies.SettleJob,),
        example={
            "jobs": [
                {"id": AN_ID, "lease_id": A_LEASE, "result": {"message_id": "m-1"}},
                {"id": AN_ID, "lease_id": A_LEASE, "error": "Connection refused"},
            ]
        },
        answer=bodies.JobsSettled,
    ),
}
