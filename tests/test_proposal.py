"""What is proposed for which stack, and whether the words say why."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_pinpoint.camera import Camera
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.model import Domain, Localizer, ModelSpec, save_model
from napari_pinpoint.proposal import propose
from napari_pinpoint.registry import Part
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack
from napari_pinpoint.zoo import ZOO


@pytest.fixture(autouse=True)
def spots_ships(tmp_path, monkeypatch):
    """A second model, which needs no calibration, in the zoo; that it finds nothing does not matter here."""
    spec = ModelSpec(
        name="spots",
        summary="Any spots.",
        backbone=Part(name="unet", options={"widths": [4, 4]}),
        normalization=Part(name="local"),
        domain=Domain(psf_sigma_px=(0.7, 2.5)),
    )
    save_model(Localizer(spec), tmp_path / "spots.safetensors")
    monkeypatch.setitem(ZOO, "spots", tmp_path / "spots.safetensors")


@pytest.fixture
def movie(rng):
    scene = EmitterScene(shape=(128, 128), density=(0.01, 0.01), psf_sigma=(1.2, 1.2), photons=(1500, 1500))
    return scene.sample(20, rng)[0]


def words(proposal):
    return " ".join(proposal.reasons), " ".join(proposal.missing)


def test_a_calibrated_movie_of_molecules(movie):
    proposal = propose(movie)
    assert proposal.model == "smlm-2d"
    assert proposal.missing == ()
    assert proposal.sigma_px == pytest.approx(1.2, abs=0.1)
    assert proposal.density_per_px == pytest.approx(0.01, rel=0.3)
    reasons, _ = words(proposal)
    for part in ("1.2 px", "nm wide", "per µm²", "come and go", "photons in a spot"):
        assert part in reasons


def test_a_movie_of_an_unknown_camera_that_can_be_estimated(movie):
    proposal = propose(Stack(movie.data, "TYX"))
    assert proposal.model == "smlm-2d"
    reasons, missing = words(proposal)
    assert "estimated from the images" in reasons
    assert "The pixel size" in missing
    assert "electrons per count" in missing


def test_smoothed_images_do_not_tell_their_camera(movie):
    smooth = gaussian_filter(movie.data.astype(float), (0, 0.7, 0.7))
    proposal = propose(Stack(smooth, "TYX"))
    assert proposal.model == "spots"
    assert "smoothed" in words(proposal)[0]


def test_a_single_image_is_no_movie(movie):
    proposal = propose(replace(movie, data=movie.data[0], axes="YX"))
    assert proposal.model == "spots"
    assert "single image" in words(proposal)[0]


def test_spots_that_stand_still_are_no_blinking_molecules(movie, rng):
    still = movie.data[:1] + rng.poisson(3, (20, 128, 128))
    proposal = propose(replace(movie, data=still))
    assert proposal.model == "spots"
    assert "stay where they are" in words(proposal)[0]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"psf_sigma": (2.2, 2.2), "photons": (3000, 3000)}, "trained for 1 to 1.4 px"),
        ({"photons": (30_000, 30_000)}, "trained for 700 to 4,000 photons"),
        ({"pixel_size_nm": 300.0}, "trained for 80 to 170 nm"),
    ],
)
def test_what_smlm_2d_was_not_trained_for(options, part, rng):
    scene = EmitterScene(**{"shape": (128, 128), "psf_sigma": (1.2, 1.2), "density": (0.005, 0.005)} | options)
    proposal = propose(scene.sample(10, rng)[0])
    assert proposal.model == "spots"
    assert part in words(proposal)[0]


def test_wide_things_may_be_cells(rng):
    scene = EmitterScene(shape=(256, 256), psf_sigma=(8, 8), density=(0.0004, 0.0004), photons=(3e5, 3e5))
    stack = replace(scene.sample(2, rng)[0], pixel_size_nm=None)
    proposal = propose(stack)
    assert proposal.model == "spots"
    assert "cells or nuclei" in words(proposal)[1]


def test_a_pixel_size_that_cannot_be(movie):
    assert "pixel size is right" in words(propose(replace(movie, pixel_size_nm=10)))[1]


POISSON = np.random.default_rng(0).poisson(50, (6, 64, 64))
NAN = np.where(np.arange(6 * 64 * 64).reshape(6, 64, 64) == 70, np.nan, POISSON)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (POISSON, "Hardly any spots"),
        (np.full((6, 64, 64), 7), "same value"),
        (np.full((6, 64, 64), 65535, np.uint16), "same value"),
        (np.zeros((6, 64, 64), np.uint8), "same value"),
        (POISSON[:, :3, :3], "Hardly any spots"),
        (POISSON[:1, :1, :1], "same value"),
        (NAN, "NaN"),
        (POISSON > 50, "Hardly any spots"),
        (POISSON * 1e30 - 5e31, "Hardly any spots"),
    ],
    ids=["noise", "constant", "saturated", "dark", "tiny", "one pixel", "nan", "bool", "huge"],
)
def test_odd_images_get_a_proposal_too(data, part):
    proposal = propose(Stack(data, "TYX"))
    assert proposal.model == "spots"
    assert part in proposal.reasons[0]
    assert proposal.sigma_px is None


def test_a_volume_is_not_looked_at():
    proposal = propose(Stack(np.zeros((2, 4, 8, 8)), "TZYX").view(plane="volume"))
    assert "volumes" in proposal.reasons[0]


def test_with_no_other_model_the_objections_are_told(movie, monkeypatch):
    monkeypatch.delitem(ZOO, "spots")
    proposal = propose(replace(movie, data=movie.data[0], axes="YX"))
    assert proposal.model == "smlm-2d"
    assert "single image" in words(proposal)[0]


def test_a_model_for_other_things_than_spots_is_not_proposed(rng, tmp_path, monkeypatch):
    spec = ModelSpec(
        name="cells", backbone=Part(name="unet", options={"widths": [4, 4]}), normalization=Part(name="local")
    )
    save_model(Localizer(spec), tmp_path / "cells.safetensors")
    monkeypatch.setitem(ZOO, "cells", tmp_path / "cells.safetensors")
    monkeypatch.setattr("napari_pinpoint.proposal.ZOO", dict(sorted(ZOO.items())))
    assert propose(Stack(rng.poisson(20, (64, 64)), "YX")).model == "spots"


def test_little_of_a_long_stack_is_read(movie):
    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"][0])
        return movie.data[read[-1] % 20][None]

    da = pytest.importorskip("dask.array")  # comes with napari
    chunks = ((1,) * 2000, (128,), (128,))
    lazy = da.map_blocks(block, chunks=chunks, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    assert propose(replace(movie, data=lazy)).model == "smlm-2d"
    assert len(read) <= 80
    assert max(read) > 1900


def test_neither_torch_nor_napari_is_needed():
    code = (
        "import sys, numpy; from napari_pinpoint.proposal import propose; from napari_pinpoint.stack import Stack; "
        "propose(Stack(numpy.zeros((2, 8, 8)), 'TYX')); print(*{'torch', 'napari', 'qtpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "model"),
    [
        ("smlm_high_density/ArtificialDataset_demo1.tif", "smlm-2d"),
        ("unlabelled/img_hybiss_2d.tif", "spots"),
        ("unlabelled/stuck.tif", "spots"),
        ("nuclei/img2d.tif", "spots"),
    ],
)
def test_real_images(file, model, data_folder):
    stack = read_stack(data_folder / file)
    assert propose(stack).model == model


@pytest.mark.data
def test_the_camera_of_others(data_folder):
    camera = Camera(offset_adu=100, electrons_per_adu=145.4, em_gain=300)
    stack = read_stack(data_folder / "smlm_high_density/ArtificialDataset_demo1.tif")
    proposal = propose(replace(stack, camera=camera, pixel_size_nm=100))
    assert (proposal.model, proposal.missing) == ("smlm-2d", ())
    assert proposal.sigma_px == pytest.approx(1.1, abs=0.1)
