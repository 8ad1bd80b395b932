"""Files that are complete or not there: the one place that writes to disk under a final name."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_pinpoint.errors import PinpointError

#: What may go wrong while a file grows, and what to do about it.
_WHILE_WRITING = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file is larger than this file system or user limit allows; choose another folder",
    errno.EROFS: "the file system can only be read; choose another folder",
    errno.EIO: "the device reports an error; choose another folder",
}


@contextmanager
def complete_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path to write to, and put what was written in place when the block ends without an error.

    The temporary path has the final file's name, in a new folder beside it. Other files that the block writes there
    (a table's sidecar) are moved with it, before it: whoever finds the file finds them too. After an error, the final
    folder is as it was.

    Parameters
    ----------
    path
        Where the file is to be in the end.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    PinpointError
        If the file exists and must not be replaced, its folder does not exist or cannot be written to, or the disk
        is full.

    Examples
    --------
    >>> path = Path("table.csv")
    >>> with complete_file(path) as temporary:
    ...     _ = temporary.write_text("x\\n")
    ...     path.exists()
    False
    >>> path.exists()
    True
    """
    target = Path(path)
    check_free(target, overwrite=overwrite)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".unfinished", dir=target.parent))
    except OSError as error:
        raise _explained(error, target) from error
    try:
        try:
            yield folder / target.name
        except OSError as error:
            # Other errors of the block are not about this file: it may have been reading one.
            if error.errno in _WHILE_WRITING:
                raise _explained(error, target) from error
            raise
        _move(folder, target, overwrite)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_free(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise unless a file may be written at `path`; long work asks this before it starts."""
    path = Path(path)
    if path.is_dir():
        raise PinpointError(f"{path}: this is a folder; give the name of a file in it.")
    if not path.parent.is_dir():
        raise PinpointError(f"{path}: the folder {path.parent} does not exist; create it or choose another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PinpointError(f"{path}: you have no permission to write to the folder {path.parent}; choose another.")
    if path.exists() and not overwrite:
        raise PinpointError(f"{path} exists; give another name, or allow it to be replaced (--overwrite).")


def _move(folder: Path, target: Path, overwrite: bool) -> None:
    """Bring the files of `folder` into their final place, the main one last."""
    written = sorted(folder.iterdir(), key=lambda file: file.name == target.name)
    if not written or written[-1].name != target.name:
        raise RuntimeError(f"nothing was written to {folder / target.name}")
    for file in written:
        check_free(target.parent / file.name, overwrite=overwrite)
    try:
        # A name must not outlive its content when the power fails.
        for file in written:
            _synchronize(file, os.O_RDWR)
        _replace_all(written, target.parent)
    except OSError as error:
        raise _explained(error, target) from error
    with suppress(OSError):  # Windows and some network drives cannot synchronize a folder
        _synchronize(target.parent, os.O_RDONLY)


def _replace_all(written: list[Path], folder: Path) -> None:
    """Put all files in place, or none: what stands beside a table belongs to it. All but the last are small."""
    before = {file: (folder / file.name).read_bytes() for file in written[:-1] if (folder / file.name).exists()}
    done: list[Path] = []
    try:
        for file in written:
            os.replace(file, folder / file.name)
            done.append(file)
    except OSError:
        for file in done:
            if file in before:
                (folder / file.name).write_bytes(before[file])
            else:
                (folder / file.name).unlink(missing_ok=True)
        raise


def _synchronize(path: Path, mode: int) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError, target: Path) -> PinpointError:
    reason = _WHILE_WRITING.get(error.errno or 0, f"{error.strerror or error}; choose another name or folder")
    return PinpointError(f"{target} cannot be written: {reason}.")
