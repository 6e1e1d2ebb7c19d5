"""From the bytes of a body to what a recording keeps of it, before anything is masked."""

from collections.abc import Mapping
from typing import Final

import msgspec

from spooled_lite.recording.exchanges import Body

KEPT_BODY_BYTES_MAX: Final = 1024 * 1024  # a larger one is passed on whole, and not kept

_EMPTY: Final = Body()


class BodyCopy:
    """Copies a body as it passes, up to a bound."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.count = 0

    def add(self, data: bytes) -> None:
        self.count += len(data)
        if self.count <= KEPT_BODY_BYTES_MAX:
            self._data += data
        else:
            self._data.clear()

    def body(self, headers: Mapping[str, str]) -> Body:
        if self.count > KEPT_BODY_BYTES_MAX:
            return Body(omitted=f"{self.count} bytes, which is more than {KEPT_BODY_BYTES_MAX}")
        return body_of(bytes(self._data), headers)


def body_of(data: bytes, headers: Mapping[str, str]) -> Body:
    """JSON by its contents: not every client says what it sends."""
    if not data:
        return _EMPTY
    if headers.get("content-encoding", "identity") != "identity":
        return Body(omitted=f"{len(data)} bytes, encoded")
    try:
        return Body(body=msgspec.json.decode(data))
    except RecursionError:
        return Body(omitted=f"{len(data)} bytes, nested too deep")
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        return Body(text=data.decode())
    except UnicodeDecodeError:
        return Body(omitted=f"{len(data)} bytes, which are no text")
