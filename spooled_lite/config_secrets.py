"""The settings that are secret, and reading them from files that a service manager provides."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.config_names import PREFIX

SECRETS: Final = frozenset(
    {
        "bootstrap_api_key",
        "admin_key",
        "jwt_secret",
        "github_webhook_secret",
        "stripe_webhook_secret",
        "metrics_token",
        "smtp_password",
    }
)
# The variable with the path of a file with the value, for each secret setting.
FILE_VARIABLES: Final[Mapping[str, str]] = {
    f"{PREFIX}{name.upper()}_FILE": name for name in sorted(SECRETS)
}
SECRET_BYTES_MAX: Final = 65_536  # what is longer is another file, named by mistake


class BadSecretFile(Exception):
    """A secret cannot be had from its file. The message names the file, and never shows what is
    in it."""


def read_secret(path: str) -> str:
    """What the file holds, without one newline at its end.

    Raises:
        BadSecretFile: it is missing, unreadable, empty, too long or no text.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: the path has a NUL
        raise BadSecretFile(f"cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(content) > SECRET_BYTES_MAX:
        raise BadSecretFile(f"is longer than {SECRET_BYTES_MAX} bytes")
    try:
        value = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise BadSecretFile("is not text in UTF-8") from None
    if not value:
        raise BadSecretFile("is empty")
    return value
