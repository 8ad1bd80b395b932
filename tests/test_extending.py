"""docs/extending.md is a package: it is built from the page, installed by pip, and its parts are used as ours are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.model import load_model

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
PARTS = {
    "losses": "huber",
    "targets": "disc",
    "thresholds": "strongest",
    "decoders": "centroid",
    "backbones": "dilated",
    "scenes": "stars",
    "methods": "presence",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of the page installed in it."""
    folder = tmp_path_factory.mktemp("outside")
    files = {"tinypoint/__init__.py": ""}
    for code in blocks("python"):
        name, _, _ = code.removeprefix("# ").partition("\n")
        files[name] = code
    announced = re.findall(r'entry-points\."([\w.]+)"\]\n(\w+) = "([\w.:]+)"', "".join(blocks("toml")))
    points = "".join(f"[{group}]\n{name} = {target}\n" for group, name, target in announced)
    about = "Metadata-Version: 2.1\nName: tinypoint\nVersion: 1.0\n"
    files |= {
        "tinypoint-1.0.dist-info/METADATA": about,
        "tinypoint-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tinypoint-1.0.dist-info/entry_points.txt": points,
    }
    record = "tinypoint-1.0.dist-info/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    wheel = folder / "tinypoint-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(folder / "site")]
    subprocess.run([sys.executable, *install, str(wheel)], check=True)
    return folder / "site"


def run(site: Path, *arguments: object) -> str:
    """Output of Python with these arguments where the package is installed."""
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pinpoint(site: Path, *arguments: object) -> str:
    return run(site, "-c", "import sys; from napari_pinpoint.cli import main; sys.exit(main())", *arguments)


def test_the_page_announces_one_of_each(site: Path) -> None:
    code = """
from napari_pinpoint.decoders import DECODERS
from napari_pinpoint.decoders.thresholds import THRESHOLDS
from napari_pinpoint.methods import METHODS
from napari_pinpoint.methods.losses import LOSSES
from napari_pinpoint.methods.targets import TARGETS
from napari_pinpoint.networks import BACKBONES
from napari_pinpoint.scenes import SCENES
for registry in (LOSSES, TARGETS, THRESHOLDS, DECODERS, BACKBONES, SCENES, METHODS):
    for entry in registry.entries.values():
        if entry.package == "tinypoint":
            print(registry.group, entry.name, registry[entry.name].__name__)
"""
    found = [line.split() for line in run(site, "-c", code).splitlines()]
    assert [(group, name) for group, name, _ in found] == [(f"napari_pinpoint.{g}", n) for g, n in PARTS.items()]
    assert all(attribute.lower() == name for _, name, attribute in found)


@pytest.mark.parametrize(
    ("command", "kinds"),
    [("train", ("methods", "backbones", "losses", "targets", "decoders")), ("localize", ("decoders", "thresholds"))],
)
def test_the_command_offers_them(site: Path, command: str, kinds: tuple[str, ...]) -> None:
    words = pinpoint(site, command, "--help")
    assert all(PARTS[kind] in words for kind in kinds)


@pytest.fixture(scope="module")
def trained(site: Path) -> Path:
    """The model of the recipe on the page, and a movie of its scene beside it."""
    folder = site.parent
    recipe = folder / "mine.yaml"
    recipe.write_text(blocks("yaml")[0], encoding="utf-8")
    pinpoint(site, "train", "--recipe", recipe, "-o", folder / "mine.safetensors")
    pinpoint(site, "simulate", "stars", "--frames", 3, "-o", folder / "movie.tif", "--truth", folder / "truth.parquet")
    return folder / "mine.safetensors"


def test_a_recipe_trains_with_them_and_their_model_localizes(site: Path, trained: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.parquet"
    movie = trained.parent / "movie.tif"
    pinpoint(site, "localize", movie, "-o", table, "--model", trained, "--decoder", "centroid", "--threshold", 0.01)
    code = f"from napari_pinpoint import read_localizations as r; t = r({str(table)!r}); print(*t['frame'], *t['y'])"
    values = list(map(float, run(site, "-c", code).split()))
    assert values[:3] == [0, 1, 2]
    assert all(0 < y < 32 for y in values[3:])


def test_a_method_from_outside_learns(site: Path, trained: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "presence.yaml"
    text = trained.with_name("mine.yaml").read_text(encoding="utf-8")
    recipe.write_text(re.sub(r"method: .*", "method: presence", text), encoding="utf-8")
    pinpoint(site, "train", "--recipe", recipe, "-o", tmp_path / "presence.safetensors")
    pinpoint(
        site, "localize", trained.with_name("movie.tif"), "-o", tmp_path / "found.csv", "--pixel-size-nm", 100,
        "--model", tmp_path / "presence.safetensors",
    )  # fmt: skip
    assert (tmp_path / "found.csv").is_file()


def test_a_model_whose_package_is_missing_says_so(trained: Path) -> None:
    with pytest.raises(PinpointError, match="target 'disc'"):
        load_model(trained)


@pytest.mark.gui
def test_the_widget_offers_them(site: Path, trained: Path) -> None:
    code = f"""
import napari, time
from qtpy.QtWidgets import QApplication, QComboBox
viewer = napari.Viewer(show=False)
_, tab = viewer.window.add_plugin_dock_widget("napari-pinpoint", "Localize")
viewer.open_sample("napari-pinpoint", "spots")
tab.form.model.add_file({str(trained)!r})
ends = time.monotonic() + 120
def names():
    boxes = tab.findChildren(QComboBox)
    return {{box.accessibleName(): [box.itemText(i) for i in range(box.count())] for box in boxes}}
while "strongest" not in names()["Threshold function"] and time.monotonic() < ends:
    QApplication.processEvents()
    time.sleep(0.02)
print(names()["Decoder"], names()["Threshold function"])
viewer.close()
"""
    words = run(site, "-c", code)
    assert "'centroid'" in words
    assert "'strongest'" in words
