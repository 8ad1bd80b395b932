"""From the table to what methods learn from."""

from __future__ import annotations

import numpy as np
import torch

from napari_pinpoint.localizations import FLAGS, Localizations
from napari_pinpoint.methods.points import points_of


def test_frames_become_padded_rows() -> None:
    table = Localizations({"frame": [1, 0, 1], "y": [1.5, 2.5, 3.5], "x": [4.0, 5.0, 6.0]})
    points, valid = points_of(table, n_frames=3, shape=(8, 9))
    assert points.counts.tolist() == [1, 2, 0]
    assert points.positions[0, 0].tolist() == [2.5, 5.0]
    assert points.positions[1].tolist() == [[1.5, 4.0], [3.5, 6.0]]
    assert valid.shape == (3, 8, 9)
    assert bool(valid.all())


def test_an_emitter_too_faint_to_see_is_neither_point_nor_background() -> None:
    r"""Around the ignored emitter (i) nothing is taught, but the pixels nearer to the real one (e) are.

    . . . . . .
    . # i # e .
    . . . . . .
    """
    table = Localizations({"frame": [0, 0], "y": [1.0, 1.0], "x": [2.0, 4.0], "flags": [FLAGS["ignore"], 0]})
    points, valid = points_of(table, n_frames=1, shape=(3, 6))
    assert points.counts.tolist() == [1]
    assert not bool(valid[0, 1, 1:3].any())
    assert bool(valid[0, 1, 4:].all())
    assert bool(valid[0, :, 0].all())


def test_classes_and_photons() -> None:
    table = Localizations({"frame": [0, 0], "y": [1, 2], "x": [1, 2], "label": ["b", "a"], "photons": [300, 500]})
    points, _ = points_of(table, n_frames=1, shape=(4, 4), classes=("a", "b"))
    assert points.labels[0].tolist() == [1, 0]
    assert points.photons[0].tolist() == [300, 500]


def test_volumes_have_z_first() -> None:
    table = Localizations({"frame": [0], "y": [1.0], "x": [2.0], "z": [3.0]})
    points, _ = points_of(table, n_frames=1, shape=(5, 5, 5))
    assert torch.equal(points.positions[0, 0], torch.tensor([3.0, 1.0, 2.0]))


def test_no_rows() -> None:
    points, valid = points_of(Localizations.empty(), n_frames=2, shape=(4, 4))
    assert points.counts.tolist() == [0, 0]
    assert np.all(valid.numpy())
