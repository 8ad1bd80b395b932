"""Structures: where emitters are.

Each function places many emitters of several fields at once. Fields are tori: what would leave one on one side comes
back on the other, so that every emitter is inside and the mean density is the same everywhere. The seam lies in the
margin around the visible field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

#: ``structure(field (N,), n_fields, size, rng) -> positions (N, 2)`` as (y, x) in [0, size), one row for each emitter;
#: `field` says which of the fields, all of the same size in pixels, it belongs to.
Structure = Callable[[Ints, int, tuple[float, float], np.random.Generator], Floats]


def uniform(field: Ints, n_fields: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Anywhere, independently."""
    return rng.random((len(field), 2)) * size


def filaments(field: Ints, n_fields: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Along thin, gently winding curves, as on microtubules; a field has one curve every 4 to 20 px."""
    side = float(np.sqrt(size[0] * size[1]))
    spacing = np.exp(rng.uniform(np.log(4), np.log(20), n_fields))
    owner, n = _members(field, side / spacing, rng)
    length, wavelength = rng.uniform(0.7, 1.5, n) * side, rng.uniform(0.8, 3.0, n) * side
    along = (rng.random(len(field)) - 0.5) * length[owner]
    # The slope of the wave is at most 0.6: positions are then even along the curve to within 17 %.
    bend, phase = rng.uniform(0, 0.6, n) * wavelength / (2 * np.pi), rng.uniform(0, 2 * np.pi, n)
    across = bend[owner] * np.sin(2 * np.pi * along / wavelength[owner] + phase[owner])
    across += rng.normal(0, 0.12, len(field))
    return _placed(np.stack([across, along], axis=1), owner, n, size, rng)


def rings(field: Ints, n_fields: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """On circles with radii of 1.5 to 8 px."""
    owner, n = _members(field, _per_area(n_fields, size, rng), rng)
    radius = rng.uniform(1.5, 8, n)[owner] + rng.normal(0, 0.15, len(field))
    angle = rng.uniform(0, 2 * np.pi, len(field))
    circle = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return _placed(circle, owner, n, size, rng)


def clusters(field: Ints, n_fields: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """In Gaussian clouds with standard deviations of 0.5 to 4 px."""
    owner, n = _members(field, _per_area(n_fields, size, rng), rng)
    spread = np.exp(rng.uniform(np.log(0.5), np.log(4), n))
    return _placed(rng.normal(size=(len(field), 2)) * spread[owner, None], owner, n, size, rng)


#: Letters of seven rows of five cells; a row is a digit of base 32, a bit a cell.
_LETTERS = {"P": "uhhuggg", "I": "e44444e", "N": "hhpljhh", "O": "ehhhhhe", "T": "v444444"}
_WORD = "PINPOINT"


def text(field: Ints, n_fields: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """On lines of writing, in letters 5 to 20 px high: straight strokes, corners and crossings."""
    glyphs = [_cells(_LETTERS[letter]) for letter in _WORD]
    lengths = np.array([len(glyph) for glyph in glyphs])
    scale = rng.uniform(0.7, 2.9, n_fields)
    # A letter takes 9 x 6 cells with the space around it; a small field has room for one.
    lines, columns = (
        np.maximum(1, n // (scale * cells)).astype(np.int64) for n, cells in zip(size, (9, 6), strict=True)
    )
    slot = (rng.random(len(field)) * (lines * columns)[field]).astype(np.int64)
    letter = slot % len(_WORD)
    cell = (np.cumsum(lengths) - lengths)[letter] + (rng.random(len(field)) * lengths[letter]).astype(np.int64)
    corner = np.stack([slot // columns[field] * 9, slot % columns[field] * 6], axis=1)
    local = np.concatenate(glyphs)[cell] + corner + rng.random((len(field), 2))
    return _inside(local * scale[field, None] + (rng.random((n_fields, 2)) * size)[field], size)


STRUCTURES: dict[str, Structure] = {
    "uniform": uniform,
    "filaments": filaments,
    "rings": rings,
    "clusters": clusters,
    "text": text,
}


def _cells(rows: str) -> Ints:
    """Cells (y, x) of a letter, from its upper left."""
    bits = np.array([[int(row, 32) >> 4 - column & 1 for column in range(5)] for row in rows])
    return np.argwhere(bits)


def _per_area(n_fields: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Mean number of objects in each field: one for a square with sides of 8 to 25 px."""
    return size[0] * size[1] / rng.uniform(8, 25, n_fields) ** 2


def _members(field: Ints, mean: Floats, rng: np.random.Generator) -> tuple[Ints, int]:
    """One object for each emitter, out of about `mean` objects (but at least one) that its field has; and their sum."""
    counts = np.maximum(1, np.round(mean)).astype(np.int64)
    first = np.cumsum(counts) - counts
    owner = first[field] + (rng.random(len(field)) * counts[field]).astype(np.int64)
    return owner, int(counts.sum())


def _placed(local: Floats, owner: Ints, n: int, size: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Positions around their objects, which lie anywhere in the field, in any orientation."""
    angle, centre = rng.uniform(0, 2 * np.pi, n), rng.random((n, 2)) * size
    sine, cosine = np.sin(angle)[owner], np.cos(angle)[owner]
    y, x = local.T
    turned = np.stack([cosine * y + sine * x, cosine * x - sine * y], axis=1)
    return _inside(turned + centre[owner], size)


def _inside(position: Floats, size: tuple[float, float]) -> Floats:
    """Positions brought back into the field."""
    # A tiny negative number modulo the size gives the size itself.
    inside: Floats = np.minimum(position % size, np.nextafter(size, 0))
    return inside
