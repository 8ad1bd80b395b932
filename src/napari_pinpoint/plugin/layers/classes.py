"""How classes are told apart on screen: by colour, and by symbol or name as well."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Of everything that has no class, or the only one.
COLOR, SYMBOL = "#ffd400", "disc"
#: Of medium brightness, to show on dark and on bright images; neighbours differ for all kinds of eyes.
_COLORS = ("#2b8cff", "#e8590c", "#c02fa8", "#0c9a6e", "#8f5bff", "#b07d00")
#: One more than colours: the first seven classes need no colour, and forty-two look different.
_SYMBOLS = ("disc", "square", "diamond", "triangle_up", "star", "triangle_down", "clobber")


def tells_classes(labels: Any) -> bool:
    """Whether there is more than one class among labels (n,)."""
    return len(set(labels) - {None}) > 1


def looks_of(labels: Any) -> tuple[Array, Array]:
    """Colours (n, 4) and symbols (n,) of labels (n,), by the alphabetical order of the classes; None has the usual."""
    labels = np.asarray(labels, dtype=object)
    classes = sorted(set(labels) - {None})
    number = {label: n for n, label in enumerate(classes)}
    index = np.array([number.get(label, len(classes)) for label in labels], dtype=int)
    colors = [_rgba(_COLORS[n % len(_COLORS)]) for n in range(len(classes))] + [_rgba(COLOR)]
    symbols = [_SYMBOLS[n % len(_SYMBOLS)] for n in range(len(classes))] + [SYMBOL]
    return np.array(colors)[index], np.array(symbols)[index]


def _rgba(color: str) -> tuple[float, ...]:
    return (*(int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)), 1.0)
