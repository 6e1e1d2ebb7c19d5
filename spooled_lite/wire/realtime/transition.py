"""The frames of one transition, rendered at most once per profile and selection of frames."""

from collections.abc import Sequence
from typing import Self

from spooled_lite.core.jobs.replay import Logged
from spooled_lite.wire.realtime.catalogue import Frame, frames_of
from spooled_lite.wire.realtime.dialects import Profile, Rendered, render

_Choice = tuple[Profile, tuple[int, ...], bool]


class Transition:
    """The frames of one row of the event log, whose number is `seq`; 0 for frames without a row."""

    __slots__ = ("_rendered", "frames", "seq")

    def __init__(self, frames: Sequence[Frame], seq: int = 0) -> None:
        self.frames = frames
        self.seq = seq
        self._rendered: dict[_Choice, Rendered] = {}

    @classmethod
    def of(cls, logged: Logged) -> Self:
        return cls(frames_of(logged), logged.seq)

    def rendered(self, profile: Profile, chosen: tuple[int, ...], *, has_id: bool) -> Rendered:
        """The frames at these positions, rendered. `has_id` adds the row's number, if any."""
        has_id = has_id and self.seq > 0
        key = (profile, chosen, has_id)
        known = self._rendered.get(key)
        if known is None:
            frames = [self.frames[n] for n in chosen]
            known = render(profile, frames, seq=self.seq, has_id=has_id)
            self._rendered[key] = known
        return known
