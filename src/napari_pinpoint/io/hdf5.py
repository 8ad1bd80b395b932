"""HDF5 files of others, opened with care: nothing outside of the file is ever read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.errors import PinpointError


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, of MATLAB 7.3, too."""
    import h5py

    return bool(path.is_file() and h5py.is_hdf5(path))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The open file; what HDF5 cannot read is told as damage."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise PinpointError(f"{path} is not an HDF5 file, or damaged: {error}.") from error


def find(file: Any, name: str) -> Any:
    """The group or dataset of a name such as ``data/xyz``, None where there is none.

    Raises
    ------
    PinpointError
        If a link leads out of the file, or the numbers lie in another one: a file from somewhere must not make us read
        others.
    """
    import h5py

    place = file
    for part in name.split("/"):
        if not isinstance(place, h5py.Group) or part not in place.keys():  # noqa: SIM118 - `in place` follows links
            return None
        if not isinstance(place.get(part, getlink=True), h5py.HardLink):
            raise _refused(file, name)
        place = place[part]
    if isinstance(place, h5py.Dataset) and (place.is_virtual or place.external):
        raise _refused(file, name)
    return place


def arrays(file: Any, name: str) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Names and values of the numeric datasets right in a group; none where there is no such group."""
    import h5py

    group = find(file, name)
    if not isinstance(group, h5py.Group):
        return
    for member in group.keys():  # noqa: SIM118
        dataset = find(file, f"{name}/{member}")
        if isinstance(dataset, h5py.Dataset) and dataset.shape is not None and dataset.dtype.kind in "biuf":
            yield member, dataset[()]


def _refused(file: Any, name: str) -> PinpointError:
    return PinpointError(
        f"{file.filename}: {name} is a link, or its numbers lie in another file; only what is in the file itself is "
        "read. Save it again as one file."
    )
