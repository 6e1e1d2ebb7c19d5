"""The commands that core is given about messages, and their bounds."""

from typing import Final

from spooled_lite.core.jobs.send_options import SendOptions

MESSAGES_MAX: Final = 100  # that one call sends, reads or shows
IDS_MAX: Final = 1_000  # that one call hides or deletes
HIDE_MS_MAX: Final = 43_200_000  # twelve hours
TOPIC_CHARACTERS_MAX: Final = 255
HEADERS_BYTES_MAX: Final = 65_536
# Read again for ever: an attempt that fails or is lost is never the last one.
UNLIMITED_RETRIES: Final = 2_147_483_647


class NewMessage(SendOptions, frozen=True, kw_only=True, gc=False):
    """A message that core is asked to store. Its body is a JSON value."""

    body: bytes
