"""The examples in the docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import napari_pinpoint

HOME = Path(napari_pinpoint.__path__[0])
WITH_EXAMPLES = [
    ".".join(("napari_pinpoint", *path.relative_to(HOME).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(HOME.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8") and "plugin" not in path.relative_to(HOME).parts
]


def test_there_are_examples() -> None:
    assert WITH_EXAMPLES


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0, "the report above says which example"
