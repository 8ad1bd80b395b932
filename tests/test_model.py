"""Models are data: what is saved is loaded, and nothing else is."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.model import Localizer, ModelSpec, load_model, save_model
from napari_pinpoint.registry import Part
from napari_pinpoint.zoo import RECIPES, ZOO

TINY = ModelSpec(name="tiny", backbone=Part(name="unet", options={"widths": [4, 6]}))


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / "tiny.safetensors"
    save_model(Localizer(TINY, record={"made": "in a test"}), path)
    return path


def test_saved_and_loaded_are_the_same(saved) -> None:
    torch.manual_seed(1)
    original, loaded = Localizer(TINY), load_model(saved)
    assert loaded.spec == TINY
    assert loaded.record == {"made": "in a test"}
    assert loaded.fingerprint() == original.fingerprint()
    image = torch.randn(1, 1, 16, 16)
    for name, values in original.eval()(image).items():
        assert torch.equal(values, loaded(image)[name])


def test_other_weights_have_another_fingerprint(saved) -> None:
    torch.manual_seed(2)
    assert Localizer(TINY).fingerprint() != load_model(saved).fingerprint()


def test_an_existing_file_is_not_replaced_unasked(saved) -> None:
    before = saved.read_bytes()
    with pytest.raises(PinpointError, match="exists"):
        save_model(Localizer(TINY), saved)
    assert saved.read_bytes() == before
    save_model(Localizer(TINY), saved, overwrite=True)


def rewritten(path, change) -> None:
    """Save the file anew with a changed header."""
    header = json.loads(_metadata(path))
    change(header)
    save_file(load_file(path), path, metadata={"pinpoint": json.dumps(header)})


def _metadata(path) -> str:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.metadata()["pinpoint"]


def test_a_truncated_file(saved) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(PinpointError, match="truncated or damaged"):
        load_model(saved)


def test_an_empty_file(saved) -> None:
    saved.write_bytes(b"")
    with pytest.raises(PinpointError, match="truncated or damaged"):
        load_model(saved)


def test_a_newer_version(saved) -> None:
    rewritten(saved, lambda header: header.update(format_version=99))
    with pytest.raises(PinpointError, match="newer napari-pinpoint"):
        load_model(saved)


@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_a_pickle_in_disguise_is_never_opened(kind: str, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"weights": [1, 2]}))
    else:
        torch.save({"weights": torch.zeros(2)}, path)
    with pytest.raises(PinpointError, match="pickle"):
        load_model(path)


def test_weights_of_something_else(tmp_path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(PinpointError, match="not a model of napari-pinpoint"):
        load_model(tmp_path / "other.safetensors")


def test_weights_that_do_not_fit_the_description(saved) -> None:
    rewritten(saved, lambda header: header["spec"]["backbone"].update(options={"widths": [8, 8]}))
    with pytest.raises(PinpointError, match="do not fit together"):
        load_model(saved)


def test_a_description_with_unknown_fields(saved) -> None:
    rewritten(saved, lambda header: header["spec"].update(surprise=1))
    with pytest.raises(PinpointError, match="surprise"):
        load_model(saved)


def test_a_name_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(PinpointError, match="smlm-2d"):
        load_model("smlm-3d")


def test_parts_that_do_not_fit_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="no backbone 'unett'"):
        Localizer(ModelSpec(name="a", backbone=Part(name="unett")))
    with pytest.raises(PinpointError, match="widthz"):
        Localizer(ModelSpec(name="a", backbone=Part(name="unet", options={"widthz": [1]})))


@pytest.mark.parametrize("name", list(ZOO))
def test_what_ships_is_small_and_has_card_and_recipe(name: str) -> None:
    assert ZOO[name].stat().st_size <= 5e6
    assert ZOO[name].with_suffix(".md").is_file()
    assert name in RECIPES
    assert load_model(name).spec.name == name


def test_smlm_2d_ships() -> None:
    assert "smlm-2d" in ZOO
