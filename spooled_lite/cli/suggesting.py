"""A group of commands that names the nearest one when there is none of the name that was typed."""

from difflib import get_close_matches
from typing import Final

import click

NAME_CHARS_MAX: Final = 100  # of a name that is compared; comparing takes quadratic time


class SuggestingGroup(click.Group):
    """click suggests misspelt options by itself, but no commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        near = get_close_matches(args[0][:NAME_CHARS_MAX], known, n=1)
        if args[0] not in known and near and not ctx.resilient_parsing:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)
