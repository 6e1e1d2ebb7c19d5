"""`spooled-lite config`: the file that `serve --config` takes."""

from importlib.resources import files
from typing import Final

import click

# In the package a link to the file of the repository, so that an installed program has it as well.
EXAMPLE: Final = "config.example.toml"


@click.command()
@click.option(
    "--example", is_flag=True, help="Print a file with every setting, its default and the reason."
)
def config(example: bool) -> None:
    """Print the file that `serve --config` takes.

    Every setting in it is commented out, so it changes nothing until you edit it:

    spooled-lite config --example > config.toml
    """
    if not example:
        raise click.UsageError("Say what to print: --example")
    click.echo((files("spooled_lite") / EXAMPLE).read_bytes(), nl=False)
