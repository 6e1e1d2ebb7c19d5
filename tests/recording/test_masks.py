"""What is masked, wherever it stands, and that hostile text costs no more than its length."""

import json
import time
from typing import Any, Final

import pytest

from spooled_lite.recording.exchanges import Exchange, KeptFrame, KeptRequest, KeptResponse
from spooled_lite.recording.masking import Masking, MaskRules
from spooled_lite.recording.masks import Masks

SECONDS_MAX: Final = 20.0  # hostile text of a quadratic cost would take hours


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk_live_0123456789 here", "key mask:credential:1 here"),
        ("Bearer abc.def", "Bearer mask:credential:1"),
        ("to ada@example.com, bob@example.org", "to mask:email:1, mask:email:2"),
        ("https://me:pass@example.com/hook", "https://mask:credential:1@example.com/hook"),
        ("https://hooks.slack.com/services/T0/B0/XyZ", "https://hooks.slack.com/mask:secret:1"),
        ('{"password": "hunter \\" 2"}', '{"password": "mask:credential:1"}'),
        ("token=opaque123&page=2", "token=mask:credential:1&page=2"),
        ("Authorization: Bearer opaque 1", "Authorization: Bearer mask:credential:1 1"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic mask:credential:1"),
        ("whk_0123456789abcdef", "mask:token:1"),
        ("no secret, idempotency_key=a, at 12:30", "no secret, idempotency_key=a, at 12:30"),
    ],
)
def test_secrets_are_found_in_text(text: str, masked: str) -> None:
    assert Masks().text(text) == masked


def test_a_value_that_was_masked_once_is_masked_everywhere() -> None:
    masks = Masks()
    mask = masks.mask("opaque-value-of-a-secret", "secret")

    assert masks.text("it said opaque-value-of-a-secret!") == f"it said {mask}!"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "a@" * 500_000,
        "://" * 300_000 + "@",
        "token:" * 150_000,
        "a.b@c." * 150_000,
    ],
    ids=lambda text: text[:6],
)
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    began = time.monotonic()

    Masks().text(text)

    assert time.monotonic() - began < SECONDS_MAX


def exchange(
    body: Any, path: str = "/api/v1/jobs", frames: list[KeptFrame] | None = None
) -> Exchange:
    return Exchange(
        at_ms=0,
        request=KeptRequest(method="POST", path=path, headers={}, body=body),
        response=KeptResponse(status=200, headers={}, frames=frames, ms=1),
    )


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        ({"secret": "s3"}, {"secret": "mask:secret:1"}),
        ({"secrets": {"github": "s3"}}, {"secrets": {"github": "mask:secret:1"}}),
        ({"accessToken": "t"}, {"accessToken": "mask:token:1"}),
        ({"apiKey": 12345}, {"apiKey": "mask:credential:1"}),
        ({"has_secret": True, "token": None}, {"has_secret": True, "token": None}),
        ({"code": "123456"}, {"code": "mask:code:1"}),
        ({"code": "NOT_FOUND"}, {"code": "NOT_FOUND"}),
        ({"ada@example.com": 1}, {"mask:email:1": 1}),
        ({"idempotency_key": "order-1"}, {"idempotency_key": "order-1"}),
    ],
)
def test_members_are_masked_by_their_names(body: Any, masked: Any) -> None:
    assert Masking(MaskRules()).exchange(exchange(body)).request.body == masked


def test_a_code_of_sign_in_is_masked_whatever_it_looks_like() -> None:
    masked = Masking(MaskRules()).exchange(
        exchange({"code": "AB12-CD"}, "/api/v1/auth/email/verify")
    )

    assert masked.request.body == {"code": "mask:code:1"}


def test_frames_are_masked_line_by_line() -> None:
    data = json.dumps({"secret": "s3", "to": "ada@example.com"})
    frame = KeptFrame(at_ms=0, sender="server", text=f"event: x\ndata: {data}")

    [masked] = Masking(MaskRules()).exchange(exchange(None, frames=[frame])).response.frames or []

    assert masked.text == 'event: x\ndata: {"secret":"mask:secret:1","to":"mask:email:1"}'


def test_a_body_that_is_nested_too_deep_is_left_out_and_not_written_as_it_is() -> None:
    body: Any = {"secret": "s3"}
    for _ in range(5_000):
        body = [body]

    masked = Masking(MaskRules()).exchange(exchange(body)).request

    assert masked.omitted == "nested too deep"
