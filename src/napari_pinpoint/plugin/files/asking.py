"""What a file does not say of itself, asked of the user: a question for each thing that is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QApplication, QInputDialog

from napari_pinpoint.plugin.layers.calibration import pixel_size_of
from napari_pinpoint.plugin.layers.result_layers import images_of

#: Title, question and answers, with what they mean, of all that is not a number.
_QUESTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "unit": (
        "Unit of the positions",
        "{name} does not say what its positions are measured in:",
        {"nanometres": "nm", "pixels": "px", "micrometres": "um"},
    ),
    "origin": (
        "Origin of the positions",
        "{name} does not say where its positions count from. If you do not know, look at the points over their image:\n"
        "the wrong choice puts all of them half a pixel off.",
        {
            "0 is the outer corner of the first pixel": "corner",
            "0 is the centre of the first pixel": "centre",
            "1 is the centre of the first pixel": "one",
        },
    ),
    "first_frame": (
        "First frame",
        "{name} does not say how it counts frames:",
        {"the first frame is 1": 1, "the first frame is 0": 0},
    ),
}


def ask_for(options: tuple[str, ...], viewer: Any, path: str) -> dict[str, Any] | None:
    """What the user says of a file, by the names of `ConventionNeeded.options`; None if they cancel."""
    said: dict[str, Any] = {}
    for option in options:
        answer = _pixel_size(viewer, path) if option == "pixel_size_nm" else _choice(option, path)
        if answer is None:
            return None
        said[option] = answer
    return said


def _pixel_size(viewer: Any, path: str) -> float | None:
    """The size of a pixel that the user gives; that of the image on screen is the first answer."""
    sizes = [pixel_size_of(image.scale, image.units, image.metadata) for image in images_of(viewer)]
    known = next((size for size in sizes if size is not None), 100.0)
    words = f"{Path(path).name} does not say it: how large is a pixel of the image in the sample, in nm?"
    size, given = QInputDialog.getDouble(QApplication.activeWindow(), "Size of a pixel", words, known, 0.001, 1e6, 3)
    return size if given else None


def _choice(option: str, path: str) -> Any:
    title, words, answers = _QUESTIONS[option]
    question = words.format(name=Path(path).name)
    chosen, given = QInputDialog.getItem(QApplication.activeWindow(), title, question, list(answers), 0, False)
    return answers[chosen] if given else None
