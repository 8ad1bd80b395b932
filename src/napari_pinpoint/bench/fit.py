"""How near the maximum-likelihood fit comes to the Cramer-Rao bound, and whether its uncertainties are right.

Isolated emitters of many brightnesses on many backgrounds, localized by the shipped model and then fitted as
`pinpoint localize --refine mle` does it; beside it the model alone, and the same fit started at the truth. And emitters
that are not isolated, fitted one by one and together with their neighbours.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.bench import Tell, tell_nobody
from napari_pinpoint.bench.fit_report import report_of
from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.evaluation import cramer_rao_bound, frame_bounds, match
from napari_pinpoint.fitting import fit
from napari_pinpoint.inference import localize
from napari_pinpoint.inference.refining import usual_sigma
from napari_pinpoint.localizations import FLAGS, Localizations
from napari_pinpoint.model import Localizer, load_model
from napari_pinpoint.psf import render_emitters
from napari_pinpoint.reports.writing import Report
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.stack import Stack

Array = np.ndarray[Any, Any]

PHOTONS = (100, 300, 1_000, 3_000, 10_000)
BACKGROUND = (1, 10, 100)
DENSITIES = (0.003, 0.01, 0.03, 0.06)
CAMERAS = {
    "sCMOS": Camera(offset_adu=100, electrons_per_adu=0.46, read_noise_e=1.6),
    "EMCCD": Camera(offset_adu=100, electrons_per_adu=45, em_gain=300, read_noise_e=74, clock_induced_charge_e=0.002),
}
MODEL, SIGMA = "smlm-2d", 1.3
#: Emitters of each case, four in a frame of 64 x 64 px and so at least 24 px apart.
EMITTERS, QUICK_EMITTERS = 6_000, 40
#: Crowded frames of each density.
FRAMES, QUICK_FRAMES = 30, 1
#: Found and true are paired within so many radial bounds, and at least so many pixels.
WITHIN_BOUNDS, WITHIN_PX = 4.0, 0.5
#: Where a fit has to be as good as can be: the bound below this, in pixels, and at least this part found.
SHARP_PX, FOUND = 0.2, 0.95


@dataclass(frozen=True)
class Case:
    """Isolated emitters of one kind, and what was found; errors in pixels, None where nothing was."""

    camera: str
    photons: int
    background: int
    bound: float
    recall: float
    model: float
    fitted: float
    from_truth: float
    bias: float
    scatter: float
    within_68: float
    within_95: float
    flagged: float
    photon_ratio: float

    @property
    def is_sharp(self) -> bool:
        """Whether the fit has to reach the bound here."""
        return self.bound < SHARP_PX and self.recall >= FOUND


@dataclass(frozen=True)
class Crowd:
    """Crowded frames of one density: radial errors (RMS, and their median) of pairs within a pixel."""

    density: float
    bound: float
    model: float
    alone: float
    joint: float
    model_median: float
    alone_median: float
    joint_median: float
    scatter: float


def run(folder: str | Path, *, quick: bool = False, progress: Tell = tell_nobody) -> Report:
    """The study as a report; `quick` looks at few emitters. Nothing is kept in `folder`."""
    model = load_model(MODEL)
    emitters, frames = (QUICK_EMITTERS, QUICK_FRAMES) if quick else (EMITTERS, FRAMES)
    kinds = [("sCMOS", n, b) for n in PHOTONS for b in BACKGROUND] + [("EMCCD", n, 10) for n in PHOTONS]
    kinds, densities = (kinds[6:8], DENSITIES[:1]) if quick else (kinds, DENSITIES)
    cases, crowds = [], []
    with warnings.catch_warnings():
        # Some of these movies are odd enough to doubt their cameras, which are the true ones.
        warnings.simplefilter("ignore", PinpointWarning)
        for number, kind in enumerate(kinds):
            progress("fitting isolated emitters", number, len(kinds))
            cases.append(measure(*kind, model=model, emitters=emitters, seed=number))
        for number, density in enumerate(densities):
            progress("fitting crowds", number, len(densities))
            crowds.append(measure_crowd(density, model=model, frames=frames, seed=number))
    return report_of(cases, crowds)


def isolated(
    photons: float, background: float, camera: Camera, *, emitters: int, rng: np.random.Generator
) -> tuple[Stack, Localizations]:
    """Frames with one emitter in the middle of each quarter, anywhere within 8 x 8 px, and the truth."""
    frames = -(-emitters // 4)
    frame = np.repeat(np.arange(frames), 4)
    y, x = (
        np.tile(quarter, frames) + rng.uniform(-4, 4, 4 * frames) for quarter in ([16, 16, 48, 48], [16, 48, 16, 48])
    )
    light, sigma = np.full(len(frame), float(photons)), np.full(len(frame), SIGMA)
    expected = render_emitters(frame, y, x, light, sigma, sigma, frames, (64, 64)) + np.float32(background)
    columns = {"frame": frame, "y": y, "x": x, "photons": light, "psf_sigma_y": sigma, "psf_sigma_x": sigma}
    counts = camera.expose(expected, rng)
    return Stack(counts, "TYX", camera, pixel_size_nm=100), Localizations(columns, pixel_size_nm=100)


def mean_bound(photons: float, background: float, camera: Camera) -> float:
    """Radial bound in pixels: the root of the mean variance over places within the pixel."""
    places = np.arange(-0.4, 0.5, 0.2) + 12
    variances = [
        cramer_rao_bound(
            y,
            x,
            photons,
            background=background + camera.clock_induced_charge_e,
            psf_sigma=SIGMA,
            shape=(25, 25),
            excess_noise=camera.excess_noise,
            read_variance=camera.read_noise_photons**2,
        ).radial[0]
        ** 2
        for y in places
        for x in places
    ]
    return float(np.sqrt(np.mean(variances)))


def measure(name: str, photons: int, background: int, *, model: Localizer, emitters: int, seed: int) -> Case:
    """Isolated emitters of one kind: found by the model, fitted, and compared with the truth."""
    camera, rng = CAMERAS[name], np.random.default_rng(seed)
    stack, truth = isolated(photons, background, camera, emitters=emitters, rng=rng)
    bound = mean_bound(photons, background, camera)
    within, sigma = max(WITHIN_BOUNDS * bound, WITHIN_PX), usual_sigma(stack.view(), model)
    found = localize(stack, model)
    fitted = fit(stack.data, found, camera, psf_sigma=sigma)
    ideal = fit(stack.data, truth, camera, psf_sigma=sigma)
    pairs = match(fitted, truth, tolerance=within)
    rows = fitted.select(pairs.found)
    error = rows.positions() - truth.positions()[pairs.truth]
    score = error / np.stack([rows["uncertainty_y"], rows["uncertainty_x"]], axis=1)
    score = np.abs(score[np.isfinite(score).all(axis=1)])
    from_truth = np.hypot(*(ideal.positions() - truth.positions()).T)
    return Case(
        camera=name,
        photons=photons,
        background=background,
        bound=bound,
        recall=len(pairs.found) / len(truth),
        model=_rms(match(found, truth, tolerance=within).distance),
        fitted=_rms(pairs.distance),
        from_truth=_rms(from_truth[from_truth <= within]),
        bias=_pixel_bias(truth.positions()[pairs.truth], error),
        scatter=_median(score) / 0.6745,
        within_68=float(np.mean(score < 1)) if len(score) else np.nan,
        within_95=float(np.mean(score < 1.96)) if len(score) else np.nan,
        flagged=float(np.mean((rows["flags"] & FLAGS["not_converged"]) > 0)) if len(rows) else np.nan,
        photon_ratio=_median(rows["photons"]) / photons,
    )


def measure_crowd(density: float, *, model: Localizer, frames: int, seed: int) -> Crowd:
    """Frames full of emitters on an even background: the model, its points fitted one by one, and together."""
    scene = EmitterScene(
        density=(density, density),
        psf_sigma=(SIGMA, SIGMA),
        background=(20, 20),
        background_gradient=0,
        background_structure=0,
        independent_frames=True,
    )
    stack, truth = scene.sample(frames, np.random.default_rng(seed))
    sigma, found = usual_sigma(stack.view(), model), localize(stack, model)
    # A frame for every row: nobody has a neighbour.
    lonely = found.with_columns(frame=np.arange(len(found)))
    alone = fit(stack.data[found["frame"]], lonely, stack.camera, psf_sigma=sigma).with_columns(frame=found["frame"])
    joint = fit(stack.data, found, stack.camera, psf_sigma=sigma)
    # The same rows are compared: those that the model found.
    pairs = match(found, truth, tolerance=1.0)
    model_error, alone_error, joint_error = (
        np.hypot(*(table.positions()[pairs.found] - truth.positions()[pairs.truth]).T)
        for table in (found, alone, joint)
    )
    bound = frame_bounds(truth, stack.camera, (64, 64))[pairs.truth]
    score = (joint["x"][pairs.found] - truth["x"][pairs.truth]) / joint["uncertainty_x"][pairs.found]
    return Crowd(
        density=density,
        # What cannot be known at all, as of two at one place, says nothing of a fit.
        bound=_rms(bound[bound < 1]),
        model=_rms(model_error),
        alone=_rms(alone_error),
        joint=_rms(joint_error),
        model_median=_median(model_error),
        alone_median=_median(alone_error),
        joint_median=_median(joint_error),
        scatter=_median(np.abs(score[np.isfinite(score)])) / 0.6745,
    )


def _pixel_bias(true: Array, error: Array) -> float:
    """Largest mean error along an axis at any tenth of a pixel."""
    within = true - np.rint(true)
    tenth = np.floor((within + 0.5) * 10).astype(int).clip(0, 9)
    biases = [error[tenth[:, a] == k, a] for a in range(2) for k in range(10)]
    return float(max((abs(part.mean()) for part in biases if len(part)), default=np.nan))


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else np.nan


def _median(values: Array) -> float:
    return float(np.nanmedian(values)) if len(values) else np.nan
