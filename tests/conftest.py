"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20201130)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The development data (see CONTRIBUTING); tests that need it are skipped, saying so, where it is absent."""
    folder = os.environ.get("PINPOINT_DATA")
    if not folder:
        pytest.skip("PINPOINT_DATA is not set: no development data")
    if not Path(folder).is_dir():
        pytest.fail(f"PINPOINT_DATA={folder} is not a folder")
    return Path(folder)
