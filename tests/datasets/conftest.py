"""Small pictures for datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

Picture = Callable[..., Path]


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Write a picture into the folder, 20 rows by 30 columns unless it is said; returns its path."""

    def write(name: str, shape: tuple[int, ...] = (20, 30)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.arange(np.prod(shape)).reshape(shape) % 251
        imagecodecs.imwrite(path, values.astype(np.uint8))
        return path

    return write
