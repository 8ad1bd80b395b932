"""The command as such: its help, its exit codes, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from napari_pinpoint import __version__

COMMANDS = (
    *("info", "localize", "convert", "filter", "link", "drift", "count", "render", "resolution", "replay", "evaluate"),
    *("rerun", "models", "train", "simulate", "demo"),
)

Run = Callable[..., Any]

HELP_AND_LOOK = """
import sys
from napari_pinpoint.cli import main
code = main(["--help"])
heavy = {"torch", "numpy", "pandas", "pyarrow", "pydantic", "tifffile", "scipy", "matplotlib"} & set(sys.modules)
sys.exit(f"--help loads {', '.join(sorted(heavy))}" if heavy else code)
"""


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP_AND_LOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    ended = run(command, "--help")
    assert ended.code == 0
    assert f"pinpoint {command}" in ended.out
    assert "--json" in ended.out


def test_version(run: Run) -> None:
    assert run("--version").out == f"pinpoint {__version__}\n"


@pytest.mark.parametrize("arguments", [("locate",), ("localize",), ("localize", "a.tif", "-o", "b.csv", "--oops")])
def test_usage_errors_end_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert "Error" in ended.err


def test_models_lists_what_ships_as_json(run: Run) -> None:
    from napari_pinpoint.zoo import ZOO

    ended = run("models", "--json")
    assert [model["name"] for model in json.loads(ended.out)["models"]] == list(ZOO)


def test_models_tells_everything_about_one(run: Run, model: object) -> None:
    ended = run("models", model)
    assert "tiny, version 1" in ended.out
    assert "unet widths=[4, 4]" in ended.out
    details = json.loads(run("models", model, "--json").out)
    assert details["spec"]["backbone"] == {"name": "unet", "options": {"widths": [4, 4]}}
    assert details["parameters"] > 0
