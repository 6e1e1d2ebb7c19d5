"""`spooled-lite config --example`: the file that `--config` takes."""

from importlib.resources import files
from pathlib import Path

import msgspec
from click.testing import CliRunner

from spooled_lite.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def test_the_example_is_printed_as_it_is_in_the_repository() -> None:
    answer = CliRunner().invoke(main, ["config", "--example"])

    assert answer.exit_code == 0
    assert answer.stdout_bytes == EXAMPLE.read_bytes()
    assert msgspec.toml.decode(answer.stdout_bytes) == {}


def test_the_example_is_a_file_of_the_package() -> None:
    assert (files("spooled_lite") / EXAMPLE.name).read_bytes() == EXAMPLE.read_bytes()


def test_without_a_choice_it_says_which_there_are() -> None:
    answer = CliRunner().invoke(main, ["config"])

    assert answer.exit_code == 2
    assert "--example" in answer.output
