"""What the span of a call says, over HTTP as over gRPC: no payload, no key, no address."""

from spooled_lite.call_notes import CallNotes


def about_call(notes: CallNotes | None) -> dict[str, str | int | bool]:
    if notes is None:
        return {}
    found: dict[str, str | int | bool] = {"spooled.request_id": notes.shown_id}
    if notes.org_id:
        found["spooled.organization"] = notes.org_id
    if notes.queue is not None:
        found["spooled.queue"] = notes.queue
    if notes.jobs is not None:
        found["spooled.jobs"] = notes.jobs
    return found
