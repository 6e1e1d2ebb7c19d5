"""What workflows and schedules tell on a stream, from the call that causes it on."""

from tests.wire.realtime.stage import NOW, Stage, on_stage

NAMES = "workflow.started,workflow.completed,workflow.failed,workflow.cancelled,schedule.triggered"


async def a_workflow(stage: Stage) -> str:
    step = {"key": "a", "queue_name": "emails", "payload": 1}
    made = await stage.post("workflows", {"name": "onboarding", "jobs": [step]})
    return str(made["id"])


def test_a_workflow_tells_of_its_start_and_its_end() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream(f"events?events={NAMES}")
        workflow_id = await a_workflow(stage)

        await stage.complete(await stage.claim())
        started, completed = await stream.take(2)

        assert (started.event, completed.event) == ("workflow.started", "workflow.completed")
        assert completed.json["data"] == {
            "workflow_id": workflow_id,
            "name": "onboarding",
            "status": "completed",
            "total_jobs": 1,
            "completed_jobs": 1,
            "failed_jobs": 0,
            "timestamp": completed.json["timestamp"],
        }
        assert started.json["data"]["status"] == "running"

    on_stage(test)


def test_a_workflow_that_is_cancelled_tells_so_once() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream(f"events?events={NAMES}")
        workflow_id = await a_workflow(stage)

        for _ in range(2):
            await stage.post(f"workflows/{workflow_id}/cancel", {})
        other_id = await a_workflow(stage)
        await stage.post(f"workflows/{other_id}/cancel", {})
        told = await stream.take(2)

        assert [frame.event for frame in told] == ["workflow.cancelled"] * 2
        assert [frame.json["data"]["workflow_id"] for frame in told] == [workflow_id, other_id]

    on_stage(test)


def test_a_job_that_is_to_stop_tells_its_worker_once_and_then_that_it_is_cancelled() -> None:
    async def test(stage: Stage) -> None:
        workflow_id = await a_workflow(stage)
        job = await stage.claim()
        names = "job.stop_requested,job.cancelled,job.status"
        stream = await stage.stream(f"events?events={names}")
        of_job = await stage.stream(f"events/jobs/{job['id']}?events={names}")
        socket = await stage.socket("events=job.stop_requested")

        for _ in range(2):
            await stage.post(f"workflows/{workflow_id}/cancel", {"stop_running": True})
        lease = {"lease_id": job["lease_id"]}
        refused = await stage.call("POST", f"/api/v1/jobs/{job['id']}/heartbeat", lease)
        requested, cancelled, changed = await stream.take(3)

        assert (refused.status, requested.event) == (409, "job.stop_requested")
        assert requested.json["data"] == {
            "job_id": job["id"],
            "queue_name": "emails",
            "worker_id": "w-1",
            "reason": "workflow_canceled",
            "timestamp": NOW,
        }
        assert (cancelled.event, changed.event) == ("job.cancelled", "job.status")
        assert changed.data["old_status"] == "processing"
        assert (changed.data["new_status"], changed.data["worker_id"]) == ("cancelled", "w-1")
        assert (await of_job.until("job.stop_requested")).data == requested.data
        assert (await socket.next())["data"] == requested.data

    on_stage(test)


def test_who_comes_back_hears_that_a_job_is_to_stop() -> None:
    async def test(stage: Stage) -> None:
        names = "job.started,job.stop_requested"
        stream = await stage.stream(f"events?events={names}")
        workflow_id = await a_workflow(stage)
        await stage.claim()
        started = await stream.next()
        await stage.post(f"workflows/{workflow_id}/cancel", {"stop_running": True})
        requested = await stream.next()

        headers = {"Authorization": f"Bearer {stage.key}", "Last-Event-ID": str(started.id)}
        again = await stage.stream(f"events?events={names}", headers)

        assert await again.next() == requested

    on_stage(test)


def test_a_schedule_tells_which_job_it_made() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream(f"events?events={NAMES}")
        body = {
            "name": "report",
            "cron_expression": "0 9 * * *",
            "queue_name": "reports",
            "payload_template": {},
        }
        schedule = await stage.post("schedules", body)

        made = await stage.post(f"schedules/{schedule['id']}/trigger", {})
        [triggered] = await stream.take(1)

        assert triggered.event == "schedule.triggered"
        assert triggered.json["queue_name"] == "reports"
        data = triggered.json["data"]
        assert (data["schedule_id"], data["job_id"]) == (schedule["id"], made["job_id"])

    on_stage(test)
