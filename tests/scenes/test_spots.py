"""SpotScene: the truth is where the light is, and what is too faint to be marked is no spot."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_pinpoint.contrast import contrast
from napari_pinpoint.localizations import FLAGS
from napari_pinpoint.scenes.clutter import Clutter, clutter
from napari_pinpoint.scenes.spots import SpotScene

NOTHING = Clutter(haze=0, cells=0, debris=0, lines=0, grain=0)


def test_the_same_state_of_the_generator_gives_the_same_frames_and_truth():
    one, other = (SpotScene(shape=(48, 40)).sample(3, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one[0].data, other[0].data)
    assert {n: v.tolist() for n, v in one[1].columns.items()} == {n: v.tolist() for n, v in other[1].columns.items()}
    assert one[0].data.shape == (3, 48, 40)


def test_truth_is_where_the_light_is():
    scene = SpotScene(
        clutter=NOTHING, density=(5e-4, 5e-4), brightness=(60, 60), brightness_spread=(0, 0), photons=(1000, 1000),
        smoothed=0, stretched=0, clustering=0,
    )  # fmt: skip
    stack, truth = scene.sample(8, np.random.default_rng(0))
    errors = []
    for frame, y, x in zip(truth["frame"], truth["y"], truth["x"], strict=True):
        i, j = round(y), round(x)
        if not (6 <= i < 122 and 6 <= j < 122):
            continue
        patch = stack.data[frame, i - 4 : i + 5, j - 4 : j + 5].astype(float)
        patch -= np.median(stack.data[frame])
        rows, columns = np.mgrid[-4:5, -4:5]
        errors.append(((patch * rows).sum() / patch.sum() + i - y, (patch * columns).sum() / patch.sum() + j - x))
    assert len(errors) > 20
    assert np.abs(np.median(errors, axis=0)).max() < 0.05


def test_contrast_in_the_truth_is_that_of_the_image_and_decides_what_is_a_spot():
    scene = SpotScene(density=(5e-3, 1e-2), brightness=(2, 6), faintest=4)
    stack, truth = scene.sample(6, np.random.default_rng(3))
    seen = contrast(stack.data, truth["frame"], truth["y"], truth["x"])
    assert truth["contrast"] == pytest.approx(seen)
    doubtful = (truth["flags"] & FLAGS["ignore"]) > 0
    assert doubtful.any()
    assert (~doubtful).any()
    assert truth["contrast"][doubtful].max() < 4
    assert truth["contrast"][~doubtful].min() >= 4
    assert truth["contrast"].min() >= 0.8 * 4


def test_spots_that_look_like_one_are_one():
    scene = SpotScene(clutter=NOTHING, density=(0.05, 0.05), spot_sigma=(2, 2), sigma_spread=0, empty=0)
    _, truth = scene.sample(1, np.random.default_rng(0))
    apart, _ = cKDTree(np.column_stack([truth["y"], truth["x"]])).query(np.column_stack([truth["y"], truth["x"]]), k=2)
    drawn = 0.05 * 128 * 128
    assert len(truth) < 0.5 * drawn
    assert np.median(apart[:, 1]) > 1.6 * 2


def test_some_frames_are_empty():
    _, truth = SpotScene(shape=(32, 32), empty=1).sample(5, np.random.default_rng(0))
    assert len(truth) == 0


def test_stretched_frames_fill_the_range_and_are_clipped():
    stack, _ = SpotScene(stretched=1).sample(12, np.random.default_rng(2))
    assert set(stack.data.max(axis=(1, 2)).tolist()) == {255, 65535}
    assert (stack.data.min(axis=(1, 2)) == 0).all()


@pytest.mark.parametrize("kind", list(Clutter.model_fields))
def test_each_kind_of_clutter_leaves_its_mark_and_never_darkens_below_nothing(kind):
    image = clutter((64, 80), NOTHING.model_copy(update={kind: 1.0}), np.random.default_rng(1))
    assert image.shape == (64, 80)
    assert image.min() >= 0
    assert image.std() > 0.01
    assert np.isfinite(image).all()


def test_without_clutter_the_background_is_even():
    assert np.array_equal(clutter((8, 8), NOTHING, np.random.default_rng(0)), np.ones((8, 8), np.float32))
