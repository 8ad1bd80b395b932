"""Ten million localizations: seconds and memory to read and to write them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(1800)

ROWS = 10_000_000
#: Every column that a fit gives.
_MAKE = """
import numpy as np, sys
from napari_pinpoint import Localizations, write_localizations
rng, n = np.random.default_rng(0), int(sys.argv[2])
columns = {"frame": np.sort(rng.integers(0, 50_000, n)), "y": 512 * rng.random(n), "x": 512 * rng.random(n)}
columns |= {name: (1 + rng.random(n)).astype("f4") for name in ("photons", "background", "psf_sigma_y", "psf_sigma_x")}
columns |= {name: rng.random(n).astype("f4") for name in ("uncertainty_y", "uncertainty_x")}
write_localizations(Localizations(columns, pixel_size_nm=107.3), sys.argv[1])
"""
_READ = """
import resource, sys, time
from napari_pinpoint import read_localizations
began = time.perf_counter()
table = read_localizations(sys.argv[1])
print(len(table), time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def run(code: str, *words: object) -> list[str]:
    """What a new process prints: memory of the tests themselves must not count."""
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.skipif(sys.platform == "win32", reason="resource is POSIX's")
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_ten_million_rows(tmp_path, pytestconfig, report, suffix):
    n_rows = ROWS // 4 if pytestconfig.getoption("--quick") else ROWS
    run(_MAKE, tmp_path / f"table.{suffix}", n_rows)
    read = [run(_READ, tmp_path / f"table.{suffix}") for _ in range(2)]
    seconds, gigabytes = min(float(one[1]) for one in read), max(float(one[2]) for one in read)
    assert int(read[0][0]) == n_rows
    assert gigabytes < 4
    report.figure(f"reading {n_rows:,} rows, {suffix}", f"{seconds:.1f} s, {gigabytes:.1f} GB")
