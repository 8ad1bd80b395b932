"""What every registry and every registered thing keeps."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_pinpoint.datasets import DATASETS
from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.tables import FORMATS, read_localizations, write_localizations
from napari_pinpoint.localizations import COLUMNS, Localizations
from napari_pinpoint.methods import METHODS
from napari_pinpoint.networks import BACKBONES
from napari_pinpoint.normalization import NORMALIZATIONS
from napari_pinpoint.registry import Registry
from napari_pinpoint.scenes import SCENES

REGISTRIES = [BACKBONES, DATASETS, DECODERS, FORMATS, METHODS, NORMALIZATIONS, SCENES]


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_entry_loads_and_has_one_line(registry: Registry) -> None:
    assert len(registry.names()) > 0
    for name, entry in registry.entries.items():
        assert entry.summary.endswith(".")
        assert "\n" not in entry.summary
        assert registry[name] is not None
    with pytest.raises(PinpointError, match=registry.names()[0]):
        registry["nothing of this name"]


def test_reading_names_imports_nothing_heavy() -> None:
    code = (
        "import sys; from napari_pinpoint.scenes import SCENES; from napari_pinpoint.methods import METHODS; "
        "from napari_pinpoint.networks import BACKBONES; SCENES.names(); METHODS.names(); BACKBONES.names(); "
        "print(*[m for m in ('torch', 'napari', 'qtpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("method", METHODS.names())
def test_a_methods_own_decoder_reads_its_maps(method: str) -> None:
    chosen = METHODS[method]
    assert set(DECODERS[chosen.default_decoder].needs) <= set(chosen.outputs)


@pytest.mark.parametrize("name", SCENES.names())
def test_scenes_repeat_with_their_rng_and_know_the_truth(name: str) -> None:
    scene = SCENES[name]()
    (stack, truth), (again, same) = (scene.sample(5, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(stack.data, again.data)
    np.testing.assert_array_equal(truth.positions(), same.positions())
    assert set(truth) <= set(COLUMNS)
    assert truth["frame"].max(initial=0) < stack.n_frames
    assert len(truth) > 0


@pytest.mark.parametrize("name", FORMATS.names())
@pytest.mark.filterwarnings("ignore::napari_pinpoint.errors.PinpointWarning")
def test_tables_come_back_as_they_were(name: str, tmp_path) -> None:
    table = Localizations(
        {"frame": [0, 2, 2], "y": [0.0, 10.25, 63.4], "x": [5.5, -0.5, 7.125], "photons": [100, 2000, 350]},
        pixel_size_nm=106.5,
        record={"steps": [{"step": "localize"}]},
    )
    path = tmp_path / f"table{FORMATS[name].suffixes[0]}"
    write_localizations(table, path, format=name)
    back = read_localizations(path, format=name)
    np.testing.assert_array_equal(back["frame"], table["frame"])
    np.testing.assert_allclose(back.positions(), table.positions(), atol=1e-3)
    np.testing.assert_allclose(back["photons"], table["photons"], rtol=1e-3)
    assert back.pixel_size_nm == table.pixel_size_nm
    assert back.record["steps"][0] == {"step": "localize"}


@pytest.mark.parametrize("name", FORMATS.names())
def test_no_rows_are_a_table_too(name: str, tmp_path) -> None:
    path = tmp_path / f"empty{FORMATS[name].suffixes[0]}"
    write_localizations(Localizations.empty(pixel_size_nm=100), path, format=name)
    assert len(read_localizations(path, format=name)) == 0
