"""Traces of a server: whether the variables of OpenTelemetry ask for them, their start and end."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from spooled_lite.config import TraceSettings, trace_settings

if TYPE_CHECKING:
    from spooled_lite.outbound.otel import Otel

logger = logging.getLogger(__name__)

HOW_TO_INSTALL: Final = "pip install 'spooled-lite[otel]'"
PROTOCOL: Final = "http/protobuf"
STOP_SECONDS_MAX: Final = 2.0  # for what waits to be sent; of the grace time, half at most


@asynccontextmanager
async def tracing(grace_seconds: float, *, is_test: bool = False) -> AsyncIterator["Otel | None"]:
    """Traces while entered. None: nothing asks for them, or they cannot be had, which is told.

    In test mode there are none: their times would be those of the machine. Traces never keep a
    server from starting, and hardly from stopping.
    """
    asked = None if is_test else trace_settings()
    otel = None if asked is None else _started(asked)
    try:
        yield otel
    finally:
        if otel is not None:
            seconds = min(STOP_SECONDS_MAX, grace_seconds / 2)
            if not await asyncio.to_thread(otel.stop, seconds):
                logger.warning("some spans could not be sent within %g s", seconds)


def _started(asked: TraceSettings) -> "Otel | None":
    try:
        # Here: it takes a tenth of a second, and is an extra.
        from spooled_lite.outbound.otel import Otel, Sampling
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        logger.warning("no traces, which OTEL_EXPORTER_OTLP_ENDPOINT asks for: %s", HOW_TO_INSTALL)
        return None
    if asked.protocol not in (None, PROTOCOL):
        logger.warning("traces are sent by %s, and not by %s", PROTOCOL, asked.protocol)
    try:
        otel = Otel(Sampling(asked.sampler, asked.sampler_argument))
    except ValueError as error:
        logger.warning("no traces: %s", error)
        return None
    logger.info("traces are on")
    return otel
