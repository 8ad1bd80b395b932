"""Number, slider and histogram of one threshold, moved by mouse and keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.gui


@pytest.fixture
def sensitivity(qtbot: Any) -> Any:
    from napari_pinpoint.plugin.localize.sensitivity import Sensitivity

    widget = Sensitivity()
    qtbot.addWidget(widget)
    widget.resize(300, 260)
    widget.show()
    widget.set_control("probability", 0.3)
    return widget


def test_it_is_the_models_own_until_somebody_moves_it(qtbot: Any, sensitivity: Any) -> None:
    assert sensitivity.value() is None
    assert (sensitivity.number.value(), sensitivity.histogram.cut, sensitivity.slider.value()) == (0.3, 0.3, 30)
    sensitivity.set_control("probability", 0.5)
    assert sensitivity.value() is None
    assert sensitivity.number.value() == 0.5
    assert not sensitivity.own_button.isEnabled()


def test_all_three_are_one(qtbot: Any, sensitivity: Any) -> None:
    from qtpy.QtCore import QPoint, Qt

    changes: list[float | None] = []
    sensitivity.changed.connect(lambda: changes.append(sensitivity.value()))
    qtbot.keyClick(sensitivity.slider, Qt.Key.Key_Right)
    assert changes == [0.31]
    sensitivity.number.selectAll()
    qtbot.keyClicks(sensitivity.number, "0.75")
    qtbot.keyClick(sensitivity.number, Qt.Key.Key_Return)
    assert changes[-1] == 0.75
    histogram = sensitivity.histogram
    middle = QPoint(histogram.width() // 2, histogram.height() // 2)
    qtbot.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=middle)
    assert changes[-1] == pytest.approx(0.5, abs=0.02)
    assert sensitivity.slider.value() == round(100 * changes[-1])
    assert histogram.cut == changes[-1] == sensitivity.number.value()
    qtbot.mouseClick(sensitivity.own_button, Qt.MouseButton.LeftButton)
    assert changes[-1] is None
    assert sensitivity.number.value() == 0.3


def test_another_kind_of_control_forgets_the_value_of_the_first(sensitivity: Any) -> None:
    sensitivity.set_value(0.9)
    sensitivity.set_control("contrast", 3.0)
    assert sensitivity.value() is None
    assert (sensitivity.label.text(), sensitivity.number.value()) == ("Least contrast", 3.0)
    sensitivity.set_value(4.257)
    assert sensitivity.value() == 4.26
    sensitivity.set_control("contrast", 5.0)
    assert sensitivity.value() == 4.26


def test_a_probability_of_zero_cannot_be_asked_for(sensitivity: Any) -> None:
    sensitivity.set_value(0.0)
    assert sensitivity.value() == 0.01


def test_the_histogram_counts_every_point_and_says_how_many_are_kept(sensitivity: Any) -> None:
    sensitivity.set_control("contrast", 3.0)
    sensitivity.show_points(np.array([0.2, 1.0, 4.0, 7.0, 500.0], np.float32), 3)
    counts = sensitivity.histogram.counts
    assert counts.sum() == 5
    assert counts[-1] == 1  # what lies beyond the end counts there
    assert sensitivity.count.text() == "3 of 5 candidates in this frame are kept."
    sensitivity.show_points(None, words="no preview")
    assert sensitivity.histogram.counts.sum() == 0
    assert sensitivity.histogram.message == "no preview"


def test_the_cut_can_be_told_without_colour(qtbot: Any, sensitivity: Any) -> None:
    """Bars below the cut are empty: the picture has less in it the further the cut is."""
    sensitivity.show_points(np.linspace(0.01, 0.99, 400), 300)

    def bright(cut: float) -> int:
        sensitivity.set_value(cut)
        picture = sensitivity.histogram.grab().toImage()
        background = picture.pixelColor(1, 1).lightness()
        inside = [picture.pixelColor(x, picture.height() // 2).lightness() for x in range(picture.width())]
        return sum(abs(value - background) > 20 for value in inside)

    assert bright(0.1) > 1.5 * bright(0.9)


def test_scrolling_the_form_past_it_changes_nothing(qtbot: Any, sensitivity: Any) -> None:
    from qtpy.QtCore import QPoint, QPointF, Qt
    from qtpy.QtGui import QWheelEvent
    from qtpy.QtWidgets import QApplication

    for widget in (sensitivity.slider, sensitivity.number):
        event = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
    assert sensitivity.value() is None
