"""The menus of decoders and threshold functions, and what they change."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.inference import LocalizeSettings, localize
from napari_pinpoint.plugin.layers.tables import table_from_layer
from napari_pinpoint.registry import Part
from napari_pinpoint.stack import Stack

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def heat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A heat-map model of random weights."""
    import torch

    from napari_pinpoint.model import Localizer, ModelSpec, save_model

    backbone = Part(name="unet", options={"widths": [4, 4]})
    decoder = Part(name="peaks", options={"threshold": 0.4, "refinement": "none"})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Localizer(
            ModelSpec(name="heat", backbone=backbone, method="gaussian", decoder=decoder, normalization="local")
        )
    with torch.no_grad():
        for values in model.head.parameters():
            values.mul_(5) if values.ndim > 1 else values.zero_()
    path = tmp_path_factory.mktemp("models") / "heat.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def tab(qtbot: Any, open_tab: Callable[..., Any], add_movie: Callable[..., Any], heat: Path) -> Any:
    tab = open_tab()
    add_movie(tab.viewer)
    qtbot.waitUntil(lambda: tab.assistant.is_ready, timeout=60_000)
    tab.form.model.add_file(heat)
    wait_for_facts(qtbot, tab)
    tab.form.advanced_section.set_open(True)
    return tab


def wait_for_facts(qtbot: Any, tab: Any) -> None:
    qtbot.waitUntil(lambda: tab.assistant.facts is not None and not tab.background.is_asked("model"), timeout=60_000)


def test_what_does_not_fit_is_grey_and_says_why(tab: Any) -> None:
    menu = tab.form.advanced.decoding.decoder
    assert menu.itemText(0) == "the model's own (peaks)"
    enabled = {menu.itemText(n): bool(menu.model().item(n).isEnabled()) for n in range(1, menu.count())}
    assert enabled["argmax"]
    assert not enabled["blobs"]
    assert "peaks" not in enabled
    reason = menu.itemData(menu.findData("blobs"), Qt.ItemDataRole.ToolTipRole)
    assert "needs blob" in reason
    assert menu.toolTip()
    assert tab.form.advanced.decoding.decoder_label.buddy() is menu


def test_the_threshold_function_is_offered_where_there_is_one(tab: Any) -> None:
    decoding = tab.form.advanced.decoding
    assert decoding.function.isVisibleTo(tab)
    assert decoding.function.itemText(0) == "the decoder's own (local_maxima)"
    assert decoding.function.findData("h_maxima") > 0
    decoding.decoder.setCurrentIndex(decoding.decoder.findData("argmax"))
    assert not decoding.function.isVisibleTo(tab)
    assert not decoding.function_label.isVisibleTo(tab)


def test_a_run_uses_them_and_keeps_the_models_options(
    tab: Any, movie: Stack, heat: Path, run_tab: Callable[..., None], same_rows: Callable[..., None]
) -> None:
    decoding = tab.form.advanced.decoding
    decoding.function.setCurrentIndex(decoding.function.findData("fixed"))
    run_tab(tab)
    decoder = {"name": "peaks", "options": {"threshold": 0.4, "refinement": "none", "function": "fixed"}}
    found = table_from_layer(tab.viewer.layers["movie localizations"])
    assert found.record["settings"]["decoder"] == decoder
    same_rows(found, localize(movie, heat, settings=LocalizeSettings(decoder=decoder)))

    decoding.decoder.setCurrentIndex(decoding.decoder.findData("argmax"))
    run_tab(tab)
    found = table_from_layer(tab.viewer.layers["movie localizations"])
    assert found.record["settings"]["decoder"] == {"name": "argmax", "options": {}}
    same_rows(found, localize(movie, heat, settings=LocalizeSettings(decoder="argmax")))


def test_a_decoder_brings_its_own_threshold(tab: Any) -> None:
    decoding, sensitivity = tab.form.advanced.decoding, tab.form.sensitivity
    assert sensitivity.number.value() == 0.4
    decoding.decoder.setCurrentIndex(decoding.decoder.findData("argmax"))
    assert sensitivity.number.value() == pytest.approx(DECODERS["argmax"]().threshold, abs=0.01)
    assert sensitivity.value() is None
    decoding.decoder.setCurrentIndex(0)
    assert sensitivity.number.value() == 0.4


def test_the_preview_is_what_a_run_finds_also_where_a_threshold_changes_the_points(
    qtbot: Any, tab: Any, movie: Stack, heat: Path
) -> None:
    decoding, preview = tab.form.advanced.decoding, tab.follower.preview
    decoding.function.setCurrentIndex(decoding.function.findData("h_maxima"))
    tab.form.sensitivity.preview_box.setChecked(True)
    decoder = {"name": "peaks", "options": {"threshold": 0.4, "refinement": "none", "function": "h_maxima"}}
    for threshold in (None, 0.05, 0.2):
        if threshold is not None:
            tab.form.sensitivity.set_value(threshold)
        qtbot.waitUntil(
            lambda: not preview.is_busy and preview.kept is not None and not tab.follower._soon.isActive(),
            timeout=60_000,
        )
        settings = LocalizeSettings(decoder=decoder, threshold=threshold, frames=(6, 7))
        expected = localize(movie, heat, settings=settings)
        np.testing.assert_array_equal(preview.kept["y"], expected["y"])
        assert preview.kept.record["settings"]["threshold"] == expected.record["settings"]["threshold"]
        assert len(tab.viewer.layers["preview"].data) == len(expected)


def test_another_model_keeps_what_still_fits(qtbot: Any, tab: Any, heat: Path) -> None:
    decoding = tab.form.advanced.decoding
    decoding.function.setCurrentIndex(decoding.function.findData("fixed"))
    tab.form.model.add_file(heat)
    wait_for_facts(qtbot, tab)
    assert decoding.function.currentData() == "fixed"
    decoding.decoder.setCurrentIndex(decoding.decoder.findData("argmax"))
    tab.form.model.choice.setCurrentText("smlm-2d")
    wait_for_facts(qtbot, tab)
    assert decoding.decoder.currentData() is None
    assert decoding.value() is None


def test_third_parties_decoders_are_in_the_menu(qtbot: Any, tab: Any, heat: Path, monkeypatch: Any) -> None:
    """One that is installed, and one whose package is broken."""
    points = [
        EntryPoint("theirs", "napari_pinpoint.decoders.argmax:Argmax", DECODERS.group),
        EntryPoint("broken", "no_such_package:Decoder", DECODERS.group),
    ]
    monkeypatch.setattr(
        "napari_pinpoint.registry.entry_points", lambda group: points if group == DECODERS.group else []
    )
    monkeypatch.delitem(DECODERS.__dict__, "entries")
    tab.form.model.add_file(heat)
    wait_for_facts(qtbot, tab)
    monkeypatch.delitem(DECODERS.__dict__, "entries")
    menu = tab.form.advanced.decoding.decoder
    assert menu.model().item(menu.findData("theirs")).isEnabled()
    assert not menu.model().item(menu.findData("broken")).isEnabled()
