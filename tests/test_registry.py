from __future__ import annotations

import sys
from pathlib import Path

import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.registry import Registry

NUMBERS = ("pi", "The ratio of circumference to diameter.", "math:pi")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a third party, as pip would leave it: its module and its metadata with entry points."""
    (tmp_path / "other_numbers.py").write_text("import math\ntau = math.tau\n")
    metadata = tmp_path / "other_numbers-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-numbers\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[napari_pinpoint.constants]\n"
        "tau = other_numbers:tau\n"
        "pi = other_numbers:tau\n"
        "gone = other_numbers:gone\n"
        "absent = no_such_module:thing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "other_numbers", raising=False)


def test_names_and_lines_are_there_without_importing_anything():
    registry: Registry[object] = Registry("thing", ("broken", "Cannot be imported.", "no_such_module:thing"))
    assert registry.names() == ("broken",)
    assert registry.entries["broken"].summary == "Cannot be imported."
    assert "broken" in registry
    with pytest.raises(ModuleNotFoundError):
        registry["broken"]


def test_an_unknown_name_lists_what_exists_and_guesses():
    registry: Registry[float] = Registry("constant", NUMBERS, ("euler", "Of growth.", "math:e"))
    with pytest.raises(PinpointError, match=r"no constant 'eulr'. Did you mean 'euler'\? There are: pi, euler."):
        registry["eulr"]


@pytest.mark.usefixtures("installed")
def test_an_installed_package_adds_entries():
    registry: Registry[float] = Registry("constant", NUMBERS)
    assert set(registry) == {"pi", "tau", "gone", "absent"}
    assert "other_numbers" not in sys.modules
    assert registry["tau"] == pytest.approx(6.283185307)
    assert registry.entries["tau"].summary == "From other-numbers."


@pytest.mark.usefixtures("installed")
def test_an_installed_package_does_not_replace_what_ships():
    assert Registry("constant", NUMBERS)["pi"] == pytest.approx(3.14159265)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["gone", "absent"])
def test_an_installed_package_that_cannot_be_loaded_is_named(name):
    with pytest.raises(PinpointError, match=rf"'{name}' from other-numbers cannot be loaded.*uninstall other-numbers"):
        Registry("constant", NUMBERS)[name]
