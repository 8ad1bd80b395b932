"""Writing a long table in parts, so that a run that was killed goes on where it stopped.

While a run writes ``OUT``, the folder ``OUT.parts`` beside it holds what is finished: Parquet files of one or several
consecutive chunks each, where images are wanted these of the same chunks (.npz), and the plan that they belong to. The
folder goes when ``OUT`` is complete.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.io.atomic import check_free, complete_file
from napari_pinpoint.io.conventions import Given
from napari_pinpoint.io.parquet import FORMAT as PARQUET
from napari_pinpoint.localizations import Localizations

PLAN = "plan.json"
PART = re.compile(r"part-(\d{6,})-(\d{6,})\.parquet")


class PartFolder:
    """The finished parts of the table that is to be written to `output`.

    Parameters
    ----------
    output
        Path of the final table.
    images
        Names of the images that parts hold besides.

    Examples
    --------
    >>> parts = PartFolder("found.csv")
    >>> parts.start({"model": "smlm-2d", "threshold": 0.5})
    >>> parts.write(range(2), Localizations({"frame": [0], "y": [1.5], "x": [2.5]}))
    >>> parts.start({"model": "smlm-2d", "threshold": 0.5}, resume=True)  # after the run was killed
    >>> parts.finished()
    {0, 1}
    >>> len(parts.collect())
    1
    >>> parts.remove()
    """

    def __init__(self, output: str | Path, *, images: Collection[str] = ()) -> None:
        self.output, self.images = Path(output), tuple(images)
        self.path = self.output.with_name(self.output.name + ".parts")

    def start(self, fingerprint: Mapping[str, Any], *, resume: bool = False, overwrite: bool = False) -> None:
        """Make the folder, or go on with the one that is there.

        Parameters
        ----------
        fingerprint
            Everything that the parts depend on, as JSON values: only parts of an equal plan go together.
        resume
            Go on with the parts that an earlier run has left; where there are none, just start.
        overwrite
            Throw parts away that may not be used: all of them, or with `resume` those of another plan.

        Raises
        ------
        PinpointError
            If the output exists (without `overwrite`), there are parts and neither `resume` nor `overwrite` is given,
            they belong to another plan, or the folder cannot be made.
        """
        check_free(self.output, overwrite=overwrite)
        wanted = json.loads(json.dumps(dict(fingerprint)))
        left = self._plan()
        if left is None and (not self.path.exists() or not any(self.path.iterdir())):
            self._begin(wanted)
        elif resume and left == wanted:
            return
        elif overwrite:
            self.remove()
            self._begin(wanted)
        elif resume:
            raise PinpointError(
                f"{self.path} holds parts of another run ({_difference(left, wanted)}); "
                "run with the same settings to resume it, or start anew (--overwrite)."
            )
        else:
            raise PinpointError(
                f"{self.path} holds parts of a run that was interrupted or has not ended; "
                "go on with it (--resume) or start anew (--overwrite)."
            )

    def finished(self) -> set[int]:
        """Indices of the chunks that are on disk; a file that cannot be read is removed, to be made again."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = set[int]()
        for chunks, file in self._parts():
            try:
                pq.read_metadata(file)
                if self.images and not zipfile.is_zipfile(_images_beside(file)):
                    raise OSError(f"the images of {file} are not there")
            except (pa.ArrowException, OSError):
                file.unlink(missing_ok=True)
                continue
            found.update(chunks)
        return found

    def write(
        self, chunks: range, table: Localizations, images: Mapping[str, np.ndarray[Any, Any]] | None = None
    ) -> None:
        """Write table and images, (frames, \\*spatial), of consecutive chunks; the part is complete or not there."""
        file = self.path / f"part-{chunks.start:06d}-{chunks.stop - 1:06d}.parquet"
        if self.images:
            with complete_file(_images_beside(file), overwrite=True) as temporary, temporary.open("wb") as stream:
                given: Any = {name: (images or {})[name] for name in self.images}
                np.savez_compressed(stream, **given)
        with complete_file(file, overwrite=True) as temporary:
            PARQUET.write(table, temporary)

    def collect(self) -> Localizations:
        """All parts as one table, in the order of their chunks, which must begin at 0 and leave none out."""
        return Localizations.concatenate(PARQUET.read(file, Given()) for file in self._all_parts())

    def collect_image(self, name: str, shape: tuple[int, ...], dtype: str) -> PartImages:
        """An image of all parts, in the order of their chunks, as a lazy array of that shape and type."""
        return PartImages([_images_beside(file) for file in self._all_parts()], name, shape, dtype)

    def remove(self) -> None:
        """Remove the parts, and the folder unless somebody keeps other files there."""
        if not self.path.exists():
            return
        for _, file in self._parts():
            file.unlink()
        for file in self.path.glob("part-*.npz"):
            file.unlink()
        (self.path / PLAN).unlink(missing_ok=True)
        for folder in self.path.glob(".*.unfinished"):
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            self.path.rmdir()

    def _begin(self, fingerprint: dict[str, Any]) -> None:
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise PinpointError(f"{self.path} cannot be made: {error.strerror or error}.") from error
        with complete_file(self.path / PLAN, overwrite=True) as temporary:
            temporary.write_text(json.dumps(fingerprint, indent=1), encoding="utf-8")

    def _plan(self) -> Any:
        """The fingerprint of the parts that are there; None where there is none, or none that can be read."""
        try:
            return json.loads((self.path / PLAN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _all_parts(self) -> list[Path]:
        """The files of all parts in order, none of which may be missing."""
        parts, expected = list(self._parts()), 0
        for chunks, _ in parts:
            if chunks.start != expected:
                raise PinpointError(f"{self.path}: chunk {expected} is missing; run again to make it (--resume).")
            expected = chunks.stop
        return [file for _, file in parts]

    def _parts(self) -> Iterator[tuple[range, Path]]:
        """Chunks and file of every part, in order."""
        found = ((PART.fullmatch(file.name), file) for file in self.path.glob("part-*.parquet"))
        named = ((range(int(match[1]), int(match[2]) + 1), file) for match, file in found if match)
        yield from sorted(named, key=lambda part: part[0].start)


class PartImages:
    """Frames of several parts as one array (frames, \\*spatial), for reading in order: one part is in memory."""

    def __init__(self, files: list[Path], name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._files, self._name = files, name
        self._part, self._start = -1, 0
        self._frames = np.empty((0, *shape[1:]), self.dtype)

    def __getitem__(self, index: Any) -> np.ndarray[Any, Any]:
        frame, *rest = index if isinstance(index, tuple) else (index,)
        if frame < self._start:
            self._part, self._start, self._frames = -1, 0, self._frames[:0]
        while frame >= self._start + len(self._frames):
            self._start += len(self._frames)
            self._part += 1
            with np.load(self._files[self._part]) as images:
                self._frames = images[self._name].astype(self.dtype)
        found: np.ndarray[Any, Any] = self._frames[(frame - self._start, *rest)]
        return found


def _images_beside(part: Path) -> Path:
    return part.with_suffix(".npz")


def _difference(left: Any, wanted: dict[str, Any]) -> str:
    """What differs between two fingerprints, in words."""
    if not isinstance(left, dict):
        return "their plan cannot be read"
    keys = [key for key in {**left, **wanted} if left.get(key) != wanted.get(key)]
    shown = [f"{key} was {left.get(key)!r} and is {wanted.get(key)!r}" for key in keys[:4]]
    return "; ".join([*shown, "…"] if len(keys) > 4 else shown)
