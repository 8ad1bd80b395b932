"""Wheel, sdist and editable install: each is complete, and in each napari finds what the plugin offers."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "napari_pinpoint"

OFFERED = {
    "commands": [
        *("dock", "localize", "results", "evaluate", "open_stack", "open_table", "export_points"),
        *("export_selected_points", "render_points", "filaments", "spots"),
        *("get_reader", "write_thunderstorm", "write_parquet", "write_picasso"),
    ],
    "widgets": ["Pinpoint", "Localize", "Results", "Evaluate"],
    "writers": ["write_parquet", "write_thunderstorm", "write_picasso"],
    "readers": ["get_reader"],
    "sample_data": ["filaments", "spots"],
    "menus": {
        "napari/layers/measure": ["dock", "localize", "results", "evaluate"],
        "napari/layers/visualize": ["render_points"],
        "napari/file/io_utilities": ["open_stack", "open_table", "export_points", "export_selected_points"],
    },
    "configurations": {"localizing": ["device", "rerun", "offsets"], "display": ["most_points"]},
}

# Runs inside each installation. Discovery is napari's own, by entry point; a python_name that does not import raises.
ASK_NPE2 = """
import json, napari_pinpoint
from npe2 import PluginManager
manager = PluginManager.instance()
manager.discover()
manifest = manager.get_manifest("napari-pinpoint")
manifest.validate_imports()
offered = manifest.contributions
short = lambda command: command.removeprefix("napari-pinpoint.")
print(json.dumps({
    "package": napari_pinpoint.__file__,
    "commands": [short(command.id) for command in offered.commands or []],
    "widgets": [widget.display_name for widget in offered.widgets or []],
    "writers": [short(writer.command) for writer in offered.writers or []],
    "readers": [short(reader.command) for reader in offered.readers or []],
    "sample_data": [sample.key for sample in offered.sample_data or []],
    "menus": {menu: [short(item.command) for item in items] for menu, items in (offered.menus or {}).items()},
    "configurations": {key: list(part.properties) for key, part in (offered.configurations or {}).items()},
}))
"""


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist made from the repository, and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, REPOSITORY)
    return {"sdist": next(folder.glob("*.tar.gz")), "wheel": next(folder.glob("*.whl"))}


def package_files() -> set[str]:
    """What the package consists of, as paths below src/."""
    return {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_package(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
        assert wheel.read("napari_pinpoint/napari.yaml") == (PACKAGE / "napari.yaml").read_bytes()
    assert package_files() - names == set()
    assert {"napari_pinpoint/napari.yaml", "napari_pinpoint/py.typed"} <= names


def test_the_wheel_ships_small_models_with_card_and_recipe(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        zoo = {Path(entry.filename): entry.file_size for entry in wheel.infolist() if "/zoo/" in entry.filename}
    models = {path: size for path, size in zoo.items() if path.suffix == ".safetensors"}
    assert models
    for path, size in models.items():
        assert size <= 5_000_000, f"{path} has {size} bytes"
        assert {path.with_suffix(".md"), path.with_suffix(".yaml")} <= set(zoo)


def test_the_sdist_can_be_built_and_tested_from(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        members = {member.name.split("/", 1)[1]: member for member in sdist.getmembers()}
    assert {"LICENSE", "README.md", "pyproject.toml", "tox.ini", "tests/conftest.py", "tests/constraints.txt"} <= set(
        members
    )
    assert members["src/napari_pinpoint/napari.yaml"].isfile()
    assert {f"src/{name}" for name in package_files()} - set(members) == set()


def test_the_manifest_at_the_top_is_the_one_in_the_package() -> None:
    link = REPOSITORY / "napari.yaml"
    if not link.is_symlink():
        pytest.skip("this checkout was made without symbolic links")
    assert link.resolve() == (PACKAGE / "napari.yaml").resolve()


@pytest.mark.parametrize("kind", ["wheel", "sdist", "editable"])
def test_napari_finds_what_the_plugin_offers(kind: str, built: dict[str, Path], tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    scripts = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / "python"
    # The dependencies are taken from the environment that runs the tests. A path file adds that folder without
    # reading the path files in it, so an editable install of the project there does not leak through.
    site_packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    install = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-build-isolation")
    run(*install, *(["--editable", REPOSITORY] if kind == "editable" else [built[kind]]))
    found = json.loads(run(python, "-c", ASK_NPE2))

    home = PACKAGE if kind == "editable" else site_packages / "napari_pinpoint"
    assert Path(found.pop("package")).parent.resolve() == home.resolve()
    assert found == OFFERED
    assert "localize" in run(scripts / "pinpoint", "--help")
