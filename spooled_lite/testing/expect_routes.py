"""Expectations over HTTP, answered as JSON or as JUnit."""

from typing import Final

from spooled_lite.errors import RuleBroken
from spooled_lite.testing.asking import asking
from spooled_lite.testing.calls import org_of, seen_by, world_of
from spooled_lite.testing.clock_routes import SLACK_SECONDS
from spooled_lite.testing.durations import parse_duration_ms
from spooled_lite.testing.expect import Expecting, read_wanted
from spooled_lite.testing.expect_shapes import ExpectBody, ExpectView
from spooled_lite.testing.move import How
from spooled_lite.testing.queries import check_query
from spooled_lite.times import format_ms
from spooled_lite.wire.http.call import Call, Reply, reply

XML: Final = "application/xml"
FAILED: Final = 409


async def expect(call: Call) -> Reply:
    call.allow_seconds(SLACK_SECONDS)
    check_query(call, "fail")
    status = call.query.get("fail", str(FAILED))
    if status != str(FAILED):
        raise RuleBroken.of("fail", f"Parameter `fail` can only be {FAILED}", "invalid_value")
    body, world = await call.body(ExpectBody), world_of(call)
    within_ms = parse_duration_ms(body.within, "within")
    if within_ms and body.real_ms:
        raise RuleBroken.of(
            "real_ms", "Fields `within` and `real_ms` cannot be combined", "invalid_value"
        )
    wants = read_wanted(body.expect)
    judge = Expecting(world, call.db, org=await org_of(call), seen_by=seen_by(call))
    if body.real_ms:
        results = await judge.in_real_time(wants, body.real_ms)
    else:
        async with asking(call) as gone:
            how = How(workers="wait" if within_ms else "ignore", gone=gone)
            results = await judge.within(wants, within_ms, how)
    passed = all(each.passed for each in results)
    code = FAILED if not passed and "fail" in call.query else 200
    if XML in (call.header("accept") or "").lower():
        from spooled_lite.testing.junit import junit

        return Reply(code, junit(body.name, results), media=XML.encode())
    now = format_ms(world.stepper.clock.now_ms())
    return reply(ExpectView(passed=passed, now=now, results=results), code)
