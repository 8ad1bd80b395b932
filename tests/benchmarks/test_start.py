"""How long one waits before anything happens."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

IMPORT = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"


@pytest.mark.parametrize("statement", ["import napari_pinpoint", "from napari_pinpoint import localize"])
def test_import(report, statement):
    def seconds() -> float:
        done = subprocess.run([sys.executable, "-c", IMPORT.format(statement)], capture_output=True, check=True)
        return float(done.stdout)

    report.figure(f"`{statement}`", f"{min(seconds() for _ in range(5)):.2f} s")


def test_help(report):
    def seconds() -> float:
        began = time.perf_counter()
        subprocess.run([Path(sys.executable).with_name("pinpoint"), "--help"], capture_output=True, check=True)
        return time.perf_counter() - began

    report.figure("`pinpoint --help`", f"{min(seconds() for _ in range(5)):.2f} s")
