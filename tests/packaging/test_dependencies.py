"""The declared dependencies are those that the code imports: none too many, none missing."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "napari_pinpoint"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

OF_THE_PLUGIN = {"napari", "qtpy"}


def names(requirements: Iterable[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}  # type: ignore[index]


def imported(paths: Iterable[Path]) -> set[str]:
    """The distributions that the modules import, at any depth, less the standard library and ourselves."""
    modules = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules.add(str(node.module).partition(".")[0])
    owners = packages_distributions()
    foreign = modules - set(sys.stdlib_module_names) - {"napari_pinpoint"}
    return {owners[module][0].lower() for module in foreign}


def test_what_is_declared_is_what_is_imported() -> None:
    assert imported(PACKAGE.rglob("*.py")) == names(PROJECT["project"]["dependencies"])


def test_the_core_group_is_the_dependencies_less_the_plugins() -> None:
    assert names(PROJECT["dependency-groups"]["core"]) == names(PROJECT["project"]["dependencies"]) - OF_THE_PLUGIN


def test_no_upper_bounds() -> None:
    bounded = [requirement for requirement in PROJECT["project"]["dependencies"] if re.search(r"<|==|~=", requirement)]
    assert not bounded, "an upper bound makes the plugin uninstallable beside others; pin in tests/constraints.txt"


def test_constraints_name_exact_versions_from_the_index() -> None:
    lines = (REPOSITORY / "tests" / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert "torch==2.13.0" in pins
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
