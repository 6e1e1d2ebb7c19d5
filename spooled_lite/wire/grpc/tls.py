"""Reads and checks the files of TLS before gRPC is served. Knows nothing of the gRPC library."""

import ssl
from pathlib import Path

from spooled_lite.config import Settings


class CannotUseCertificate(Exception):
    """TLS is on, and its files cannot be used. The message says why."""


def key_and_certificate(settings: Settings) -> tuple[bytes, bytes] | None:
    """The contents of the two files; None when TLS is off.

    Raises:
        CannotUseCertificate: one cannot be read, the key is encrypted, or they do not belong
            together. The library would start with them and fail at every handshake.
    """
    if not settings.grpc_tls_enabled:
        return None
    certificate, key = settings.grpc_tls_cert_path, settings.grpc_tls_key_path
    assert certificate is not None, "the settings were checked"
    assert key is not None, "the settings were checked"
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key, password=_no_password)
        return Path(key).read_bytes(), Path(certificate).read_bytes()
    except OSError as error:  # SSLError is an OSError
        raise CannotUseCertificate(
            f"gRPC cannot use the certificate {certificate} with the key {key}:"
            f" {error.strerror or error}"
        ) from error


def _no_password() -> str:
    """Refuses an encrypted key; without this, ssl would ask for the password at the terminal."""
    raise OSError("the key is encrypted")
