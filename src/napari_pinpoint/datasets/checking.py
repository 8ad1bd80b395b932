"""What every dataset has to stand: what cannot be used is left out, and named once."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.datasets.dataset import Sample
from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.localizations import COLUMNS, Localizations


def only(samples: Sequence[Sample], classes: Sequence[str], place: Path) -> list[Sample]:
    """The samples without points of classes that were not asked for, which are named."""
    kept, odd = [], Counter[str]()
    for sample in samples:
        if "label" in sample.table:
            labels = sample.table["label"]
            odd.update(str(label or "without a class") for label in labels if label not in classes)
            sample = replace(sample, table=sample.table.select(np.isin(labels.astype(str), list(classes))))
        kept.append(sample)
    if odd:
        counts = ", ".join(f"{count} of {name}" for name, count in sorted(odd.items()))
        warnings.warn(
            f"{place}: points of other classes than {', '.join(classes)} are left out: {counts}.",
            PinpointWarning,
            stacklevel=3,
        )
    return kept


def apart(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples, with the part before the name where two parts have images of the same name."""
    if len({sample.name for sample in samples}) == len(samples):
        return samples
    return [
        replace(sample, name=f"{sample.split}/{sample.name}" if sample.split else sample.name) for sample in samples
    ]


def checked(samples: Sequence[Sample], classes: Sequence[str], place: Path) -> list[Sample]:
    """The samples with the points that can be used, all with the same columns; what is left out is named."""
    unclear: list[str] = []
    empty: list[str] = []
    outside: list[str] = []
    several: list[str] = []
    kept = []
    for sample in map(_in_frames, samples):
        table = sample.table
        if "height" in table:
            area = ~((table["height"] <= 0) | (table["width"] <= 0))  # NaN: a point without a box
            empty += _told(sample, ~area)
            table = table.select(area)
        if sample.size[0] > 1 and len(table) and not table["frame"].any():
            several.append(f"{sample.name} ({sample.size[0]} frames)")
        if classes:
            named = table["label"] != None if "label" in table else np.zeros(len(table), bool)  # noqa: E711 (an array)
            unclear += _told(replace(sample, table=table), ~named)
            table = table.select(named)
        inside = table["frame"] < sample.size[0]
        sizes = dict(zip("yx", sample.shape, strict=True))
        if "z" in table and "Z" in (stack := sample.open().sizes):
            sizes["z"] = stack["Z"]
        for axis, size in sizes.items():
            inside &= (table[axis] >= -0.5) & (table[axis] <= size - 0.5)
        outside += _told(replace(sample, table=table), ~inside)
        kept.append(replace(sample, table=table.select(inside)))
    _warn(place, empty, "boxes have no area (their maximum is not above their minimum), and are left out")
    _warn(place, unclear, "points have no class, and are left out")
    _warn(place, outside, "points lie outside of their image, and are left out")
    _warn(
        place,
        several,
        "images have several frames, and their points say no frame: taken for the first. If they are "
        "channels or planes, name the axes (axes='CYX', --axes CYX)",
    )
    shared = dict.fromkeys(name for sample in kept for name in sample.table)
    return [replace(sample, table=_with_columns(sample.table, shared)) for sample in kept]


def _in_frames(sample: Sample) -> Sample:
    """With the frame from a first of three axes that is time in the image: napari's CSV does not say which it is."""
    table = sample.table
    if "z" not in table or sample.size[0] == 1 or "Z" in sample.open().axes:
        return sample
    return replace(sample, table=table.with_columns(frame=np.rint(table["z"])).without_columns("z"))


def _told(sample: Sample, rows: Any) -> list[str]:
    """Image and place of some rows, in words."""
    table = sample.table.select(rows)
    return [f"{sample.name} (y {y:g}, x {x:g})" for y, x in zip(table["y"], table["x"], strict=True)]


def _warn(place: Path, found: list[str], what: str) -> None:
    if found:
        more = f" and {len(found) - 4} more" if len(found) > 4 else ""
        warnings.warn(
            f"{place}: {len(found)} {what}: {', '.join(found[:4])}{more}.",
            PinpointWarning,
            stacklevel=4,
        )


def _with_columns(table: Localizations, names: Iterable[str]) -> Localizations:
    """The table with all of these columns, unknown where it lacks them."""
    missing: dict[str, Any] = {}
    for name in names:
        if name not in table and (name not in COLUMNS or COLUMNS[name].dtype != "int64"):
            text = name in COLUMNS and COLUMNS[name].dtype == "str"
            missing[name] = np.full(len(table), None, object) if text else np.full(len(table), np.nan)
    return table.with_columns(**missing)
