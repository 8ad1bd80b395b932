"""The demonstration: a movie with known truth goes the way of any file, and the result is scored and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.batch import Job, run_job
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import evaluate, match
from napari_pinpoint.evaluation.bounds_of_frames import frame_bounds
from napari_pinpoint.inference import plan
from napari_pinpoint.io.atomic import complete_file
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.pictures import save_figure, save_png
from napari_pinpoint.io.tables import read_localizations, write_localizations
from napari_pinpoint.io.write_images import write_stack
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.rendering import comparison, render
from napari_pinpoint.scenes.examples import CAMERA, filaments
from napari_pinpoint.stack import Stack

MODEL = "smlm-2d"
TOLERANCE_NM = 100.0
#: Frames whose bound is computed: enough for a median, and quick.
BOUND_FRAMES = 25

#: What the demonstration writes. The script comes first: by it a folder of an earlier demonstration is known.
FILES = {
    "script": "open_in_napari.py",
    "movie": "movie.tif",
    "truth": "truth.parquet",
    "table": "localizations.parquet",
    "thunderstorm": "localizations.csv",
    "picture": "super-resolution.png",
    "comparison": "average-and-super-resolution.png",
    "results": "results.json",
}

SCRIPT = '''\
"""Opens the demonstration in napari: the movie, what was found in it, and the picture made of that."""

from pathlib import Path

import matplotlib.image
import napari

from napari_pinpoint import read_localizations, read_stack

here = Path(__file__).parent
stack = read_stack(here / "movie.tif")
found = read_localizations(here / "localizations.parquet")
truth = read_localizations(here / "truth.parquet")
picture = matplotlib.image.imread(here / "super-resolution.png")

viewer = napari.Viewer(title="napari-pinpoint: demonstration")
viewer.add_image(stack.data, name="movie")
for table, name, color, size in ((truth, "truth", "lime", 1.0), (found, "found", "magenta", 0.6)):
    points = table.to_frame()[["frame", "y", "x"]]
    viewer.add_points(points, name=name, size=size, symbol="ring", border_color=color, face_color="transparent")
# The picture has more pixels than the movie; the corners of both coincide.
scale = stack.shape[-1] / picture.shape[1]
shift = scale / 2 - 0.5
viewer.add_image(picture, rgb=True, scale=(scale,) * 2, translate=(shift,) * 2, name="super-resolution", visible=False)
napari.run()
'''


@dataclass(frozen=True)
class Report:
    """How good the demonstration's table is; lengths in nanometres, errors and bound radial.

    `bound_nm` is the median of the Cramer-Rao bound over the true emitters. `error_over_bound` compares each pair with
    the bound of its own emitter, and is 1 in the median for errors as small as the bound allows: such errors are
    Gaussian, so that (error / bound)^2 is exponentially distributed, with the median ln 2.
    """

    n_truth: int
    n_found: int
    jaccard: float
    precision: float
    recall: float
    tolerance_nm: float
    rmse_nm: float
    bound_nm: float
    error_over_bound: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def run_demo(
    folder: str | Path,
    *,
    n_frames: int = 500,
    model: str | Path = MODEL,
    device: str = "auto",
    overwrite: bool = False,
    progress: Callable[[str, float, int], None] = lambda *_: None,
) -> Report:
    """Simulate a movie, localize it as any file, score and draw the result; everything lands in `folder`.

    Parameters
    ----------
    folder
        Made if it does not exist. Files of an earlier demonstration are replaced.
    overwrite
        Replace files of these names, whoever made them.
    progress
        Called with words, and the part that is done of how much.
    """
    folder = Path(folder)
    _claim(folder, overwrite)
    _write_text(folder / FILES["script"], SCRIPT)
    progress("simulating", 0, n_frames)
    simulated, truth = filaments(n_frames)
    write_localizations(truth, folder / FILES["truth"], overwrite=True)
    write_stack(simulated, folder / FILES["movie"], overwrite=True)

    # From here on the movie is a file like any other; of the camera we know what its data sheet would say.
    stack = read_stack(folder / FILES["movie"], **CAMERA.model_dump())
    job = Job(str(stack.path), folder / FILES["table"])
    decided = plan(stack, model, device=device)
    run_job(job, decided, overwrite=True, progress=lambda _, frames: progress("localizing", frames, n_frames))
    found = read_localizations(job.output)
    # ThunderSTORM's columns have no place for these.
    csv = folder / FILES["thunderstorm"]
    write_localizations(found.without_columns("probability", "uncertainty_photons"), csv, overwrite=True)

    progress("drawing", n_frames, n_frames)
    shape = (stack.shape[-2], stack.shape[-1])
    picture = render(found, shape=shape, method="gaussian", sigma=0.12)
    save_png(picture, folder / FILES["picture"], overwrite=True)
    average = np.asarray(stack.data[:]).mean(axis=0)
    figure = comparison(average, picture, pixel_size_nm=stack.pixel_size_nm)
    save_figure(figure, folder / FILES["comparison"], overwrite=True)

    progress("scoring", n_frames, n_frames)
    report = score(found, truth, simulated)
    _write_text(folder / FILES["results"], json.dumps(report.to_dict(), indent=1))
    return report


def score(found: Localizations, truth: Localizations, stack: Stack) -> Report:
    """Scores against the truth, and the Cramer-Rao bound of some of the frames."""
    scores = evaluate(found, truth, tolerance_nm=TOLERANCE_NM)
    pixel = float(stack.pixel_size_nm or np.nan)
    frames = np.unique(np.linspace(0, stack.n_frames - 1, BOUND_FRAMES).astype(int))
    some_found = found.select(np.isin(found["frame"], frames))
    some_truth = truth.select(np.isin(truth["frame"], frames))
    pairs = match(some_found, some_truth, tolerance=TOLERANCE_NM / pixel)
    error = np.hypot(*(some_found[axis][pairs.found] - some_truth[axis][pairs.truth] for axis in ("y", "x")))
    bound = frame_bounds(some_truth, stack.camera, (stack.shape[-2], stack.shape[-1]))
    ratio = error / bound[pairs.truth]
    return Report(
        n_truth=scores.n_truth,
        n_found=scores.n_found,
        jaccard=scores.jaccard,
        precision=scores.precision,
        recall=scores.recall,
        tolerance_nm=TOLERANCE_NM,
        rmse_nm=scores.rmse_nm,
        bound_nm=float(np.nanmedian(bound)) * pixel,
        error_over_bound=float(np.median(ratio) / np.sqrt(np.log(2))) if len(ratio) else float("nan"),
    )


def _claim(folder: Path, overwrite: bool) -> None:
    """Make the folder; in one that is there, only files of an earlier demonstration may be replaced."""
    if folder.exists() and not folder.is_dir():
        raise PinpointError(f"{folder} is a file; the demonstration needs a folder.")
    if not folder.parent.is_dir():
        raise PinpointError(f"{folder}: the folder {folder.parent} does not exist; create it or choose another.")
    taken = [name for name in FILES.values() if (folder / name).exists()]
    if taken and not overwrite and FILES["script"] not in taken:
        raise PinpointError(
            f"{folder} holds {', '.join(taken)} and is not known to be of an earlier demonstration; "
            "give another folder, or allow them to be replaced (--overwrite)."
        )
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise PinpointError(f"{folder} cannot be made: {error.strerror or error}.") from error


def _write_text(path: Path, text: str) -> None:
    with complete_file(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
