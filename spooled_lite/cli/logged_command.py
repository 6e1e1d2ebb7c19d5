"""A command of a server: where its log is JSON, its errors are lines of that log as well.

Programs read such a log, and a container has nothing else to say why a start failed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from spooled_lite.config import NO_FILE, ConfigFile, Settings, asks_for_json_logs
from spooled_lite.logs import is_json, log_what_is_printed, set_up_logging

logger = logging.getLogger(__name__)


class LoggedCommand(click.Command):
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        if asks_for_json_logs():  # before a wrong option is told of
            log_from_the_first_line()
        with _errors_in_the_log():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _errors_in_the_log():
            return super().invoke(ctx)


def log_from_the_first_line(file: ConfigFile = NO_FILE) -> None:
    """Log as the settings ask for, before they are read as a whole: one of them may be bad."""
    set_up_logging(Settings(json_logs=asks_for_json_logs(file=file)))
    log_what_is_printed()


@contextmanager
def _errors_in_the_log() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        if not is_json():
            raise
        logger.critical("%s", error.format_message())
        raise click.exceptions.Exit(error.exit_code) from error
