"""Images, each with a text file of its points as fractions of width and height: locating-centers' data set.

One ``x,y`` per line, each from 0 to 1: 0 is the left (upper) edge of the image, 1 the right (lower) one. Edges are not
centres: the first pixel spans 0 to 1 / width, so that x in pixels is ``x * width - 0.5``. An empty file says that
nothing is there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import imagecodecs
import numpy as np

from napari_pinpoint.datasets.dataset import Dataset, Sample
from napari_pinpoint.datasets.files import annotated, files_in, images_in, stem_of
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.io.single_images import SINGLE
from napari_pinpoint.localizations import Localizations


class Fractions:
    """The format; see the module."""

    layout = "NAME.png (.jpg, ...) and NAME.txt, with x,y as fractions of width and height in each line."

    def recognizes(self, path: Path) -> bool:
        if not path.is_dir():
            return False
        images, texts = images_in(path), files_in(path, ".txt")
        both = [texts[stem] for stem in texts if stem in images]
        first = next((line for file in both if (line := _first_line(file))), None)
        return bool(both) and (first is None or _numbers(first) is not None)

    def read(self, path: Path) -> list[Sample]:
        texts = files_in(path, ".txt")
        samples = []
        for name, image, text in annotated(images_in(path), texts, path, what="files of points (.txt)"):
            there = Sample(image, Localizations.empty(), name)
            rows, columns = there.shape
            x, y = _read(text).T
            table = Localizations(
                {"frame": np.zeros(len(x), np.int64), "y": y * rows - 0.5, "x": x * columns - 0.5},
            )
            samples.append(Sample(image, table, name))
        return samples

    def write(self, dataset: Dataset, folder: Path, *, overwrite: bool) -> None:
        """Write the points of every sample, and copy its image beside them unless it is there."""
        for sample in dataset:
            frames, rows, columns = sample.size
            if frames > 1:
                raise PinpointError(f"{sample.name} has {frames} frames; a picture and its points are one frame.")
            name = stem_of(sample.image.name) if isinstance(sample.image, Path) else sample.name
            x, y = (sample.table["x"] + 0.5) / columns, (sample.table["y"] + 0.5) / rows
            _copy(sample, folder, name, overwrite=overwrite)
            lines = [f"{a:.8f},{b:.8f}\n" for a, b in zip(x, y, strict=True)]
            with complete_file(folder / f"{name}.txt", overwrite=overwrite) as temporary:
                temporary.write_text("".join(lines), encoding="utf-8")


def _copy(sample: Sample, folder: Path, name: str, *, overwrite: bool) -> None:
    """The image as a picture in the folder: the file itself where it is one, else a PNG of what is looked at."""
    if isinstance(sample.image, Path) and sample.image.suffix.lower() in SINGLE:
        target = folder / sample.image.name
        if target.exists() and target.samefile(sample.image):
            return
        with complete_file(target, overwrite=overwrite) as temporary:
            shutil.copyfile(sample.image, temporary)
        return
    pixels = np.moveaxis(sample.view().read(0, 1)[0], 0, -1)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise PinpointError(f"{sample.name}: a PNG holds whole numbers of 8 or 16 bits, not {pixels.dtype}.")
    with complete_file(folder / f"{name}.png", overwrite=overwrite) as temporary:
        temporary.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels.squeeze())))


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8-sig", errors="replace") as text:
        return next((line.strip() for line in text if line.strip()), "")


def _numbers(line: str) -> tuple[float, float] | None:
    fields = line.split(",")
    try:
        x, y = (float(field) for field in fields)
    except ValueError:
        return None
    return x, y


def _read(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(n, 2) fractions x, y."""
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        point = _numbers(line)
        if point is None:
            raise PinpointError(f"{file}, line {number}: expected x,y as two fractions of 0 to 1, not {line!r}.")
        found.append(point)
    return np.array(found, np.float64).reshape(-1, 2)


FORMAT = Fractions()
