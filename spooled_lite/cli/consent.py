"""The question before something that cannot be undone, or that concerns many."""

import sys

import click


class NobodyToAsk(click.ClickException):
    """The standard input is no terminal, and `--yes` was not said."""

    exit_code = 2


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def get_consent(question: str, *, is_given: bool) -> None:
    """Return when a person says yes, or when that was said with `--yes`.

    Raises:
        NobodyToAsk: as it says.
        click.Abort: the answer is no.
    """
    if is_given:
        return
    if not is_anyone_here():
        raise NobodyToAsk(f"{question} Nobody is here to answer: say --yes")
    click.confirm(question, abort=True, err=True)


def is_anyone_here() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def counted(count: int, one: str, many: str | None = None) -> str:
    """Such as `1 job` or `1,204 jobs`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
