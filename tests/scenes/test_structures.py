"""Where emitters are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_pinpoint.scenes.structures import STRUCTURES

SIZE = (60.0, 80.0)
EACH = pytest.mark.parametrize("name", list(STRUCTURES))


def placed(name, rng, *, n_fields=1, each=400, size=SIZE):
    """Positions of shape (n_fields, each, 2)."""
    field = np.repeat(np.arange(n_fields), each)
    return STRUCTURES[name](field, n_fields, size, rng).reshape(n_fields, each, 2)


@EACH
def test_every_emitter_lies_in_its_field(name, rng):
    position = placed(name, rng, n_fields=20)
    assert (position >= 0).all()
    assert (position < SIZE).all()


@EACH
def test_no_part_of_the_field_is_preferred(name, rng):
    """Over many fields a quarter of all emitters lies in each quarter."""
    position = placed(name, rng, n_fields=2000, each=4).reshape(-1, 2)
    quarter = (position >= np.array(SIZE) / 2) @ [2, 1]
    np.testing.assert_allclose(np.bincount(quarter) / len(position), 0.25, atol=0.03)


@EACH
def test_fields_differ_and_are_repeatable(name):
    one, two = placed(name, np.random.default_rng(4), n_fields=2)
    assert not np.allclose(one, two)
    np.testing.assert_array_equal(placed(name, np.random.default_rng(4), n_fields=2), [one, two])


@EACH
def test_none_and_tiny_fields_are_fine(name, rng):
    assert STRUCTURES[name](np.empty(0, np.int64), 3, SIZE, rng).shape == (0, 2)
    assert (placed(name, rng, size=(3.0, 2.0)) < (3, 2)).all()


@pytest.mark.parametrize("name", [name for name in STRUCTURES if name != "uniform"])
def test_structures_are_denser_than_chance(name, rng):
    """The typical emitter has its neighbour nearer than it would be anywhere."""

    def nearest(positions):
        return np.mean([np.median(cKDTree(field).query(field, k=2)[0][:, 1]) for field in positions])

    assert nearest(placed(name, rng, n_fields=20)) < 0.75 * nearest(placed("uniform", rng, n_fields=20))


def test_filaments_are_thin_lines(rng):
    """Around the typical emitter, away from crossings, the others scatter along one direction."""
    flatness = []
    for field in placed("filaments", rng, n_fields=20, each=2000):
        for around in cKDTree(field).query_ball_point(field[::40], 1.5):
            if len(around) > 10:
                small, large = np.linalg.eigvalsh(np.cov(field[around].T))
                flatness.append(small / large)
    assert np.median(flatness) < 0.1
