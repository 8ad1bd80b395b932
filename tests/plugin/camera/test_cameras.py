"""Cameras that are remembered from session to session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.plugin.camera.cameras import SavedCamera, forget_camera, save_camera, saved_cameras

pytestmark = pytest.mark.gui


def test_what_is_saved_is_there_again() -> None:
    assert saved_cameras() == {}
    save_camera("Zyla", {"offset_adu": 100.0}, {})
    save_camera("Andor", {"electrons_per_adu": 0.5, "em_gain": 300}, {"electrons_per_adu": "estimated (±0.1)"})
    assert list(saved_cameras()) == ["Andor", "Zyla"]
    expected = SavedCamera({"electrons_per_adu": 0.5, "em_gain": 300.0}, {"electrons_per_adu": "estimated (±0.1)"})
    assert saved_cameras()["Andor"] == expected
    save_camera("Zyla", {"offset_adu": 99.0}, {})
    assert saved_cameras()["Zyla"].numbers == {"offset_adu": 99.0}
    forget_camera("Zyla")
    forget_camera("never heard of")
    assert list(saved_cameras()) == ["Andor"]


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"cameras": 3}', "\x00\xff"])
def test_a_damaged_file_is_kept_beside(content: str, cameras_file: Path) -> None:
    cameras_file.parent.mkdir(parents=True)
    for name in ("first", "second"):
        cameras_file.write_text(content, encoding="utf-8")
        assert saved_cameras() == {}
        save_camera(name, {"offset_adu": 1.0}, {})
        assert list(saved_cameras()) == [name]
    kept = sorted(cameras_file.parent.glob("*.damaged*"))
    assert [path.read_text(encoding="utf-8") for path in kept] == [content, content]


def test_entries_that_make_no_sense_stay_in_the_file(cameras_file: Path) -> None:
    entries = {"odd": "text", "nan": {"offset_adu": float("nan")}, "half": {"offset_adu": 3, "em_gain": "high"}}
    cameras_file.parent.mkdir(parents=True)
    cameras_file.write_text(json.dumps({"cameras": entries}), encoding="utf-8")
    assert saved_cameras() == {"half": SavedCamera({"offset_adu": 3.0})}
    save_camera("mine", {"offset_adu": 100.0}, {})
    assert set(json.loads(cameras_file.read_text())["cameras"]) == {"odd", "nan", "half", "mine"}


def test_what_cannot_be_saved_says_why(cameras_file: Path) -> None:
    with pytest.raises(PinpointError, match="a name"):
        save_camera("  ", {"offset_adu": 1.0}, {})
    with pytest.raises(PinpointError, match="nothing to remember"):
        save_camera("Andor", {}, {})
    cameras_file.parent.parent.mkdir(exist_ok=True)
    cameras_file.parent.write_text("a file where the folder should be")
    with pytest.raises(PinpointError, match="cannot be remembered"):
        save_camera("Andor", {"offset_adu": 1.0}, {})
