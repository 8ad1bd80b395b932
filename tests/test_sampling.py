"""Batches from datasets: windows whose points are on their light, whatever the sizes of the images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_pinpoint.augmentation import Augmentation
from napari_pinpoint.datasets import Dataset, Sample
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.normalization import LocalNormalization
from napari_pinpoint.sampling import Batch, DatasetSource, MixedSource, SceneSource, StackSource, hold_out
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack

NORMALIZATION = LocalNormalization()


def sample(name: str, shape: tuple[int, ...], n: int, rng: np.random.Generator, **columns: object) -> Sample:
    """An image with `n` bright spots of 3 x 3 pixels on noise."""
    image = rng.normal(100, 2, shape).astype(np.float32)
    y, x = (rng.integers(2, size - 2, n) for size in shape[-2:])
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            image[..., y + dy, x + dx] += 200 - 60 * (abs(dy) + abs(dx))
    return Sample(image, Localizations({"frame": [0] * n, "y": y, "x": x, **columns}), name)


@pytest.fixture
def dataset(rng) -> Dataset:
    return Dataset(
        (sample("small", (20, 26), 3, rng), sample("large", (90, 70), 12, rng), sample("none", (64, 64), 0, rng))
    )


def light_under_points(batch: Batch) -> np.ndarray:
    """Brightness of the pixel under each point, over that of its image's middle."""
    found = []
    for image, positions, mask in zip(batch.inputs[:, 0], batch.points.positions, batch.points.mask, strict=True):
        y, x = positions[mask].round().long().T
        found += (image[y, x] - image.median()).tolist()
    return np.array(found)


def test_windows_of_unequal_images_have_their_points_on_the_light(dataset) -> None:
    batch = DatasetSource(dataset, window=32).draw(24, np.random.default_rng(1), NORMALIZATION)
    assert batch.inputs.shape == (24, 1, 32, 32)
    assert batch.inputs.dtype == torch.float32
    found = light_under_points(batch)
    assert len(found) > 20
    assert found.min() > 0.3
    assert (batch.points.counts == 0).any()  # nothing is there, and that is taught, too


def test_points_stay_on_the_light_when_windows_are_scaled(dataset) -> None:
    source = DatasetSource(dataset, window=32, augmentation=Augmentation(scale=(0.8, 1.3)))
    batch = source.draw(24, np.random.default_rng(1), NORMALIZATION)
    assert batch.inputs.shape == (24, 1, 32, 32)
    assert light_under_points(batch).min() > 0.2


def test_what_lies_around_a_small_image_is_not_believed(dataset) -> None:
    source = DatasetSource(dataset.with_samples(dataset.samples[:1]), window=40)
    batch = source.draw(8, np.random.default_rng(1), NORMALIZATION)
    assert batch.valid.sum(dim=(1, 2)).tolist() == [20 * 26] * 8
    assert batch.points.counts.tolist() == [3] * 8
    assert len({tuple(valid.flatten().nonzero()[0].tolist()) for valid in batch.valid}) > 1


def test_the_same_rng_gives_the_same_batch_whatever_was_read_before(dataset) -> None:
    source = DatasetSource(dataset, window=32, memory=1, augmentation=Augmentation(contrast=0.2))
    first = source.draw(6, np.random.default_rng(1), NORMALIZATION)
    source.draw(6, np.random.default_rng(2), NORMALIZATION)
    again = source.draw(6, np.random.default_rng(1), NORMALIZATION)
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(first.points.positions, again.points.positions)
    assert len(source._read) == 1  # no more than fits into memory


def test_where_annotation_is_not_valid_is_not_believed(rng) -> None:
    valid = np.ones((32, 32), bool)
    valid[:, :16] = False
    half = sample("half", (32, 32), 4, rng)
    source = DatasetSource(Dataset((Sample(half.image, half.table, "half", valid=valid),)), window=32)
    batch = source.draw(4, np.random.default_rng(0), NORMALIZATION)
    assert batch.valid.sum(dim=(1, 2)).tolist() == [512] * 4


def test_windows_on_points_hold_one(rng) -> None:
    lonely = Dataset((sample("lonely", (300, 300), 1, rng),))
    everywhere = DatasetSource(lonely, window=32).draw(20, np.random.default_rng(0), NORMALIZATION)
    on_points = DatasetSource(lonely, window=32, on_points=1.0).draw(20, np.random.default_rng(0), NORMALIZATION)
    assert everywhere.points.counts.sum() < 5
    assert on_points.points.counts.tolist() == [1] * 20


def test_classes_and_sizes_reach_the_points(rng) -> None:
    kinds = sample("kinds", (32, 32), 2, rng, label=["b", "a"], height=[5.0, 7.0], width=[9.0, 3.0])
    source = DatasetSource(Dataset((kinds,), classes=("a", "b")), window=32, augmentation=Augmentation(turns=False))
    batch = source.draw(3, np.random.default_rng(0), NORMALIZATION)
    assert batch.points.labels.tolist() == [[1, 0]] * 3
    assert batch.points.sizes.tolist() == [[[5, 9], [7, 3]]] * 3
    with pytest.raises(PinpointError, match="kinds has points of the class 'b'"):
        DatasetSource(Dataset((kinds,), classes=("a", "c")))


def test_grey_images_among_colour_are_seen_as_colour(rng) -> None:
    colour = rng.integers(0, 200, (3, 32, 32)).astype(np.uint8)
    dot = Localizations({"frame": [0], "y": [4], "x": [9]})
    mixed = Dataset((Sample(colour[0], dot, "grey"), Sample(colour, dot, "colour", seen={"channel": "all"})))
    assert mixed.channels == 3
    batch = DatasetSource(mixed, window=16).draw(12, np.random.default_rng(0), NORMALIZATION)
    assert batch.inputs.shape == (12, 3, 16, 16)
    grey = [bool(torch.equal(image[0], image[2])) for image in batch.inputs]
    assert 0 < sum(grey) < 12


def test_volumes_give_windows_of_three_axes(rng) -> None:
    volume = Stack(rng.normal(100, 2, (12, 40, 40)), "ZYX").view(plane="volume")
    table = Localizations({"frame": [0, 0], "z": [3.0, 8.0], "y": [10.0, 30.0], "x": [20.0, 5.0]})
    batch = StackSource(volume, table, window=(8, 16, 16), on_points=1.0).draw(
        6, np.random.default_rng(0), NORMALIZATION
    )
    assert batch.inputs.shape == (6, 1, 8, 16, 16)
    assert batch.points.counts.min() >= 1
    assert batch.points.positions.shape[-1] == 3


@pytest.mark.parametrize(
    ("axes", "choice", "shape"),
    [("TYX", {}, (1, 1, 16, 20)), ("TCYX", {"channel": "all"}, (1, 3, 16, 20)), ("TZYX", {"plane": "volume"}, None)],
)
def test_held_out_frames_are_seen_as_those_that_are_learnt_from(rng, axes: str, choice: dict, shape: Any) -> None:
    images = rng.integers(0, 200, (6, 3, 16, 20) if len(axes) == 4 else (6, 16, 20)).astype(np.uint16)
    view = Stack(images, axes).view(**choice)
    points = Localizations({"frame": [0, 1, 3, 4, 5, 5], "z": [1.0] * 6, "y": [4.0] * 6, "x": [9.0] * 6})
    learnt, held = hold_out(view, points)
    assert learnt["frame"].tolist() == [0, 1, 3, 4]
    assert held is not None
    seen, truth = held
    assert truth["frame"].tolist() == [0, 0]
    np.testing.assert_array_equal(seen.read(0, 1), view.read(5, 6))
    assert seen.read(0, 1).shape == (shape or (1, 1, 3, 16, 20))
    assert hold_out(view, points, every=9) == (points, None)


def test_nothing_to_learn_from(rng) -> None:
    with pytest.raises(PinpointError, match="no points"):
        DatasetSource(Dataset((sample("none", (64, 64), 0, rng),)))
    with pytest.raises(PinpointError, match="no points"):
        DatasetSource(Dataset(()))


def test_simulated_and_annotated_windows_are_mixed(dataset) -> None:
    scene = SceneSource(EmitterScene(shape=(32, 32), density=(0.02, 0.02), independent_frames=True))
    mixed = MixedSource([scene, DatasetSource(dataset, window=32)], [1, 3])
    batch = mixed.draw(16, np.random.default_rng(0), NORMALIZATION)
    assert batch.inputs.shape == (16, 1, 32, 32)
    assert len(batch.points.mask) == len(batch.valid) == 16
    known = torch.isfinite(batch.points.photons) & batch.points.mask
    simulated = known.any(dim=1)
    assert 1 <= int(simulated.sum()) <= 8
    only = MixedSource([scene, DatasetSource(dataset, window=32)], [0, 1]).draw(
        4, np.random.default_rng(0), NORMALIZATION
    )
    assert len(only.inputs) == 4
    with pytest.raises(PinpointError, match="different shapes"):
        MixedSource([scene, DatasetSource(dataset, window=40)], [1, 1]).draw(8, np.random.default_rng(0), NORMALIZATION)
    with pytest.raises(PinpointError, match="a weight above 0"):
        MixedSource([scene], [0])


def test_the_rim_along_a_cut_is_not_believed(rng) -> None:
    """A window in the middle has a rim on all sides, one that ends with the image none there."""
    alone = Dataset((sample("a", (48, 32), 3, rng),))
    source = DatasetSource(alone, window=32, rim=2, augmentation=Augmentation(flips=False, turns=False))
    hidden = {tuple((~valid).sum(dim=1).tolist()) for valid in source.draw(40, rng, NORMALIZATION).valid}
    assert (0,) * 30 + (32, 32) in hidden  # begins with the image
    assert (32, 32) + (0,) * 28 + (32, 32) in hidden
    assert (32, 32) + (0,) * 30 in hidden
