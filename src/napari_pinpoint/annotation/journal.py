"""Journal: an annotation on the disk, an action a line, so that a crash takes the last action at most."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from napari_pinpoint.annotation.annotation import Annotation
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.io.provenance import hash_of_sample
from napari_pinpoint.stack import Stack, StackView

#: Marks our files, and counts up when their layout changes so that older programs cannot read them.
KEY = "napari_pinpoint_journal"
VERSION = 1
#: Of every file, however early its writing was cut short.
_BEGINNING = b'{"%s"' % KEY.encode()
#: Goes on after the name of the stack.
SUFFIX = ".annotation.jsonl"


def journal_path(stack: str | Path) -> Path:
    """Where the journal of a stack lies: beside it.

    Examples
    --------
    >>> journal_path("data/cells.tif").name
    'cells.tif.annotation.jsonl'
    """
    return Path(stack).with_name(Path(stack).name + SUFFIX)


class Journal:
    """The file of an annotation: what was done before is in `annotation`, and what is done to that is written at once.

    Each action is on the disk before it is done. The file only grows: its first line says which stack it is about,
    every other one is an action, an undo or a redo, so the history is there again when it is opened. While it is open
    no other program can open it; the lock ends with the process, however that ends.

    Parameters
    ----------
    path
        The file; it is made where it does not exist. See `journal_path`.
    stack
        What is annotated.

    Raises
    ------
    PinpointError
        If the file is something else, of another stack, damaged, open elsewhere, or cannot be written.

    Warns
    -----
    PinpointWarning
        If the last line was cut short by a crash; it is dropped.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_pinpoint.localizations import Localizations
    >>> stack = Stack(np.zeros((2, 8, 8)), "TYX")
    >>> with Journal("cells.annotation.jsonl", stack) as journal:
    ...     action = journal.annotation.add(Localizations({"frame": [1], "y": [3.0], "x": [4.0]}))
    >>> with Journal("cells.annotation.jsonl", stack) as journal:
    ...     len(journal.annotation.points), journal.annotation.can_undo
    (1, 'add')
    """

    def __init__(self, path: str | Path, stack: Stack | StackView) -> None:
        self.path = Path(path)
        whole = stack.stack if isinstance(stack, StackView) else stack
        self._stack = identity(whole)
        self.annotation = Annotation(pixel_size_nm=whole.pixel_size_nm, z_step_nm=whole.z_step_nm, keep=self._append)
        self._file = self._open()
        try:
            self._length = self._recover()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others open the file; the annotation cannot be changed any more."""
        if not self._file.closed:
            with suppress(OSError):
                _unlock(self._file.fileno())
            self._file.close()

    def compact(self) -> Path:
        """Write what is there in place of how it came to be, and forget the history.

        Returns
        -------
        Where the file as it was lies now, NAME.before-N; nothing is lost.
        """
        number = 1
        while (kept := self.path.with_name(f"{self.path.name}.before-{number}")).exists():
            number += 1
        lines = [self._head(), _line(self.annotation.snapshot().to_json())]
        with complete_file(kept) as temporary:
            shutil.copyfile(self.path, temporary)
        with complete_file(self.path, overwrite=True) as temporary:
            temporary.write_bytes(b"".join(lines))
            self.close()  # Windows replaces no open file
        self._file = self._open()
        self.annotation.forget()
        self._length = sum(map(len, lines))
        return kept

    def _head(self) -> bytes:
        return _line({KEY: VERSION, "stack": self._stack})

    def _open(self) -> Any:
        """The file, made if needed, and locked."""
        try:
            new = not self.path.exists()
            file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise PinpointError(
                f"{self.path}: the annotation cannot be kept here ({error.strerror or error}); choose another folder."
            ) from error
        try:
            _lock(file.fileno())
            if not os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                raise BlockingIOError  # another program has just put a compacted file in its place
        except BlockingIOError:
            file.close()
            raise PinpointError(
                f"{self.path} is open in another window or program; close the annotation there first."
            ) from None
        except OSError as error:
            warnings.warn(
                f"{self.path}: this drive cannot lock files ({error.strerror or error}); do not annotate the same "
                "stack in two programs at once.",
                PinpointWarning,
                stacklevel=3,
            )
        if new:
            _synchronize_folder(self.path.parent)
        return file

    def _recover(self) -> int:
        """Do again what the file says; gives the length of its complete lines, and cuts off what is no line."""
        self._file.seek(0)
        content: bytes = self._file.read()
        *lines, rest = content.split(b"\n")
        if not lines and _BEGINNING.startswith(content[: len(_BEGINNING)]):
            self._file.truncate(0)  # new, or its very first line was cut short
            self._length = 0
            self._write(self._head())
            return len(self._head())
        self._check_head(lines[0] if lines else rest)
        length = len(lines[0]) + 1
        for number, line in enumerate(lines[1:], start=2):
            try:
                self.annotation.replay(json.loads(line))
            except (ValueError, AttributeError) as error:  # a PinpointError is a ValueError
                raise PinpointError(
                    f"{self.path}, line {number}, is damaged ({error}); the {number - 2} actions before it are intact. "
                    "Make a copy of the file, then remove this line and all after it, and open it again."
                ) from error
            length += len(line) + 1
        if rest:
            warnings.warn(
                f"{self.path}: the last action was cut short, by a crash or a full disk, and is dropped; "
                f"{len(lines) - 1} actions before it are there.",
                PinpointWarning,
                stacklevel=3,
            )
            self._file.truncate(length)
        return length

    def _check_head(self, line: bytes) -> None:
        try:
            head = json.loads(line)
            version, stack = head[KEY], dict(head["stack"])
        except (ValueError, KeyError, TypeError) as error:
            raise PinpointError(f"{self.path} is no journal of an annotation; choose another name.") from error
        if version > VERSION:
            raise PinpointError(f"{self.path} was written by a newer napari-pinpoint; update to read it.")
        for name, word in (("shape", "shape"), ("sha256_of_sample", "content")):
            if stack.get(name) != self._stack[name]:
                raise PinpointError(
                    f"{self.path} is the annotation of {stack.get('path') or 'a stack without a file'}, whose {word} "
                    f"is another than that of {self._stack['path'] or 'this stack'}. Open the stack it belongs to, or "
                    "choose another name for the annotation."
                )

    def _append(self, entry: Mapping[str, Any]) -> None:
        if self._file.closed:
            raise PinpointError(f"{self.path} is closed; open it again to go on with the annotation.")
        line = _line(entry)
        self._write(line)
        self._length += len(line)

    def _write(self, line: bytes) -> None:
        """Write a line and wait until it is on the disk; if that fails the file is as it was."""
        try:
            view = memoryview(line)
            while view:
                view = view[self._file.write(view) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._length)
            raise PinpointError(
                f"{self.path}: the action could not be kept ({error.strerror or error}), and was not done. Make room "
                "on the disk, and try again."
            ) from error


def identity(stack: Stack) -> dict[str, Any]:
    """What tells a stack from another: path, shape and a hash of a sample, as plain JSON values.

    The sample is of the file, or of the first and the last image where there is no single file.
    """
    sample = hash_of_sample(stack.path)
    if sample is None:
        digest = hashlib.sha256()
        for end in (0, -1):
            digest.update(np.asarray(stack.data[(end,) * (len(stack.shape) - 2)]).tobytes())
        sample = digest.hexdigest()
    return {"path": stack.path, "shape": list(stack.shape), "sha256_of_sample": sample}


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":"), allow_nan=False).encode() + b"\n"


if sys.platform == "win32":
    import msvcrt

    #: Far beyond the end: a locked byte cannot be read by others, and they may look at the file.
    _PLACE = 2**30

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _synchronize_folder(folder: Path) -> None:
    """Wait until a new name is on the disk; Windows and some network drives cannot."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
