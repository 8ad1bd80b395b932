"""What a picture layer shows, asked as napari asks."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.layers.live_picture import FINEST, LivePicture
from napari_pinpoint.plugin.layers.picture_level import Window
from napari_pinpoint.rendering import Coloring, render

SHAPE = (40, 60)


@pytest.fixture
def many(rng: np.random.Generator) -> Localizations:
    y, x = rng.normal(20, 4, 2000), rng.uniform(-0.5, 59.5, 2000)
    sigma = np.full(2000, 0.1)
    columns = {"frame": np.arange(2000), "y": y, "x": x, "uncertainty_y": sigma, "uncertainty_x": sigma}
    return Localizations(columns)


def counts(image: np.ndarray) -> np.ndarray:
    """Localizations, whatever brightness is white."""
    return np.rint(image / image[image > 0].min()) if image.any() else image


def test_every_resolution_shows_all_there_is(many: Localizations) -> None:
    live = LivePicture(many, SHAPE)
    assert live.levels[0].shape == (40 * FINEST, 60 * FINEST)
    assert max(live.levels[-1].shape) <= 512 < max(live.levels[-2].shape)
    inside = render(many, shape=SHAPE, magnification=1).sum()
    for level in live.levels:
        assert level.shape == tuple(side >> level.level for side in live.levels[0].shape)
        image = np.asarray(level)
        assert (image.dtype, image.shape) == (np.float32, level.shape)
        assert counts(image).sum() == inside


def test_a_part_is_drawn_as_it_is_asked_for(many: Localizations) -> None:
    live = LivePicture(many, SHAPE)
    part = live.levels[1][500:900, 300:1000]
    expected = render(many, shape=SHAPE, magnification=FINEST // 2)[500:900, 300:1000]
    np.testing.assert_array_equal(counts(part), expected)
    assert live.levels[1][0:0, 5:7].size == 0
    np.testing.assert_array_equal(live.levels[1][500:900:1, 300:1000:1], part)


def test_it_gets_better_until_it_is_as_good_as_it_gets(many: Localizations) -> None:
    live, called = LivePicture(many, SHAPE), []
    live.on_wanted = lambda: called.append(live.wanted)
    window = Window(2, 128, 384, 256, 512)
    assert not live.image(window).any()
    assert called == [window]
    steps = live.improve(window)
    next(steps)  # a first sight of the whole
    sight = live.image(window)
    assert sight.any()
    next(steps)
    histogram = live.image(window)
    assert np.count_nonzero(histogram) < np.count_nonzero(sight)
    assert histogram.any()
    for _ in steps:
        pass
    image = live.image(window)
    assert live.wanted is None
    expected = render(many, shape=SHAPE, magnification=FINEST // 4, method="gaussian")[128:384, 256:512]
    np.testing.assert_allclose(image / image.max(), expected / expected.max(), atol=5e-3)
    assert np.count_nonzero(image) > np.count_nonzero(histogram)


def test_what_was_there_is_shown_meanwhile(many: Localizations) -> None:
    live = LivePicture(many, SHAPE)
    live.on_wanted = lambda: None
    whole = Window(2, 0, 640, 0, 960)
    for _ in live.improve(whole):
        pass
    finer = live.image(Window(1, 600, 700, 200, 300))
    np.testing.assert_array_equal(finer, np.kron(live.image(whole)[300:350, 100:150], np.ones((2, 2))))


def test_another_table_and_some_of_its_rows(many: Localizations) -> None:
    live = LivePicture(many, SHAPE)
    window = Window(2, 0, 640, 0, 960)
    everything = live.image(window)
    passing = np.asarray(many["x"] < 30)
    live.show_rows(passing)
    left = live.image(window)
    assert not left[:, 490:].any()
    np.testing.assert_array_equal(left > 0, np.where(np.arange(960) < 488, everything, 0) > 0)
    live.show_rows(None)
    np.testing.assert_array_equal(live.image(window), everything)
    live.set_table(many.select(passing))
    np.testing.assert_array_equal(live.image(window), left)
    live.show_rows(np.zeros(int(passing.sum()), bool))
    assert not live.image(window).any()


def test_an_answer_for_a_former_table_is_dropped(many: Localizations) -> None:
    live = LivePicture(many, SHAPE)
    live.on_wanted = lambda: None
    window = Window(2, 0, 640, 0, 960)
    steps = live.improve(window)
    next(steps)
    next(steps)
    live.set_table(many.select(slice(0, 0)))
    assert list(steps) == []
    assert live.wanted == window
    assert live.image(window).any()  # the former picture, until the new one is there
    for _ in live.improve(window):
        pass
    assert not live.image(window).any()


def test_colours(many: Localizations) -> None:
    live = LivePicture(many, SHAPE, coloring=Coloring.of(many, "x", limits=(0, 60)))
    image = live.levels[-1][0:640, 0:480]
    assert (image.dtype, image.shape) == (np.uint8, (320, 480, 3))
    assert image[:, :40].reshape(-1, 3).sum(axis=0).argmax() == 2  # turbo begins with blue
    assert image[:, 440:].reshape(-1, 3).sum(axis=0).argmax() == 0  # and ends with red
    for _ in live.improve(Window(live.levels[-1].level, 0, 320, 0, 480)):
        pass


def test_a_whole_resolution_that_is_too_large_says_what_to_do() -> None:
    table = Localizations({"frame": [0], "y": [1], "x": [1]})
    live = LivePicture(table, (2000, 2000))
    with pytest.raises(PinpointError, match="too many to be kept; write it by `pinpoint render`"):
        np.asarray(live.levels[0])
    assert live.levels[0][0:256, 0:256].max() == 1


def test_a_duplicate_shows_the_same(many: Localizations) -> None:
    level: Any = LivePicture(many, SHAPE).levels[0]
    assert copy.deepcopy([level])[0] is level
