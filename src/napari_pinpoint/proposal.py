"""Which of the models that ship fits a stack, and why, in words for the user.

Nothing here runs a model: some frames are measured by classical means (`spot_statistics`, `camera_estimation`), and
compared with what each model says it was trained for. That is read from the header of the model's file, which is what
the weights were trained with whatever became of the recipe since, and needs no torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.camera_estimation import CameraEstimate, estimate_camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.noise import Noise, measure_noise
from napari_pinpoint.spot_statistics import SpotStatistics, measure_spots
from napari_pinpoint.stack import Stack, StackView
from napari_pinpoint.zoo import ZOO

_PIXELS = 2_000_000  # that are looked at, in pairs of frames, from the middle of each
_SIDE = 768
_MOST_PAIRS = 32
#: What is measured may be off by these factors: widths by what `spot_statistics` says, densities by the dim spots that
#: one may count or not, photons by an EM gain that is not known, without which they seem to be half.
_WIDTH_FACTOR, _DENSITY_FACTOR, _PHOTON_FACTOR = 1.15, 1.5, 2.0
#: The narrowest image of a point: sigma = 0.21 wavelength / NA, at 450 nm and NA 1.49 (Zhang et al., Applied Optics
#: 46, 1819, 2007).
_NARROWEST_NM = 63.0
#: The widest one, at 750 nm and NA 0.3; and what is wide where the size of a pixel is not known: a camera that samples
#: as Nyquist wants (pixels of wavelength / 4 NA) makes sigma 0.84 px.
_WIDEST_NM, _WIDE_PX = 525.0, 3.0


@dataclass(frozen=True)
class Proposal:
    """A model for a stack.

    Parameters
    ----------
    model
        The name of a model that ships.
    reasons
        Sentences on what was seen, and why it leads to this model.
    missing
        Sentences on what the user should give or check.
    sigma_px, density_per_px
        Of the typical spot (see `SpotStatistics`), None where no spots were seen.
    """

    model: str
    reasons: tuple[str, ...]
    missing: tuple[str, ...] = ()
    sigma_px: float | None = None
    density_per_px: float | None = None


@dataclass(frozen=True)
class _Seen:
    """What was measured of a stack; None is what could not be."""

    view: StackView
    frames: np.ndarray[Any, Any] | None = None
    problem: str = ""  # why there are no frames
    noise: Noise | None = None
    spots: SpotStatistics | None = None
    estimate: CameraEstimate | None = None

    @property
    def camera(self) -> Camera | None:
        """The stack's own camera, else the estimated one."""
        known = self.view.stack.camera
        return known if known.is_calibrated else (self.estimate.camera if self.estimate else None)

    @property
    def photons(self) -> float | None:
        """Of the typical spot."""
        if self.camera is None or self.spots is None:
            return None
        return self.spots.counts * float(np.mean(self.camera.electrons_per_adu)) / self.camera.em_gain


def propose(view: Stack | StackView) -> Proposal:
    """Propose a model for a stack, from a look at some of its frames.

    Models that count photons come first, where the stack is a movie of blinking spots, within the domain that the
    model was trained for, and its camera is known or can be estimated. All else gets the model that needs no
    calibration.

    Returns
    -------
    A proposal for any stack whose pixels can be read at all, however odd: what is wrong with it is in the words.

    Examples
    --------
    >>> from napari_pinpoint.scenes.emitters import EmitterScene
    >>> movie, _ = EmitterScene(shape=(96, 96)).sample(40, np.random.default_rng(1))
    >>> propose(movie).model
    'smlm-2d'
    """
    seen = _look(view.view() if isinstance(view, Stack) else view)
    # What finds cells or nuclei says nothing of the width of spots: such objects are not measured here.
    for_spots = [name for name in ZOO if _spec(name)["domain"].get("psf_sigma_px")]
    models = sorted(for_spots, key=lambda name: not _needs_photons(_spec(name)))
    objections = {name: _objections(_spec(name), seen) for name in models}
    chosen = next((name for name in models if not objections[name]), models[-1])
    rejected = objections[models[0]] if chosen != models[0] else []
    poor = " Its result may be poor." if seen.frames is not None else ""
    doubts = [sentence + poor for sentence in objections[chosen]]
    return Proposal(
        model=chosen,
        reasons=(*_sights(seen), *rejected, *doubts, f"{chosen}: {_spec(chosen)['summary']}"),
        missing=tuple(_missing(seen, photons=_needs_photons(_spec(chosen)))),
        sigma_px=seen.spots.sigma_px if seen.spots else None,
        density_per_px=seen.spots.density_per_px if seen.spots else None,
    )


def _look(view: StackView) -> _Seen:
    """Measure some frames, as far as that can be done."""
    if view.dims != 2:
        return _Seen(view, problem="The proposal looks at images, and these are volumes: choose a plane, or project.")
    try:
        frames = _some_frames(view)
    except PinpointError as error:
        return _Seen(view, problem=str(error))
    part = Stack(frames, "TYX", view.stack.camera, path=view.stack.path).view()
    noise = estimate = None
    try:
        noise = measure_noise(part)
        if not view.stack.camera.is_calibrated:
            estimate = _believable(estimate_camera(part))
    except PinpointError:
        pass  # too few pixels, or a camera that cannot be estimated: the objections say so
    independent = noise is None or noise.is_independent
    # Of each pair one frame, and the last: the two of a pair show much the same.
    chosen = frames if len(frames) < 3 else np.concatenate([frames[:-2:2], frames[-1:]])
    spots = measure_spots(chosen, independent_noise=independent)
    return _Seen(view, frames, noise=noise, spots=spots, estimate=estimate)


def _some_frames(view: StackView) -> np.ndarray[Any, Any]:
    """Pairs of frames (2n, Y, X) from the beginning to the end of the stack, their middle; one frame of an image."""
    window = tuple(
        slice((n - min(n, _SIDE)) // 2, (n - min(n, _SIDE)) // 2 + min(n, _SIDE)) for n in view.spatial_shape
    )
    per_frame = math.prod(part.stop - part.start for part in window)
    pairs = min(max(_PIXELS // (2 * per_frame), 2), _MOST_PAIRS)
    starts = np.unique(np.linspace(0, max(view.n_frames - 2, 0), pairs).astype(int))
    read = [view.read(int(a), min(int(a) + 2, view.n_frames), window)[:, 0] for a in starts]
    return np.concatenate(read)


def _believable(estimate: CameraEstimate) -> CameraEstimate | None:
    """None for an offset below 0: no camera has one, so the counts were stretched or their background taken away."""
    return estimate if estimate.offset_adu > -estimate.offset_adu_error else None


@cache
def _read_spec(path: Path) -> dict[str, Any]:
    """The ModelSpec in the header of a safetensors file: its length as 8 bytes, then JSON."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    spec: dict[str, Any] = json.loads(header["__metadata__"]["pinpoint"])["spec"]
    return spec


def _spec(name: str) -> dict[str, Any]:
    return _read_spec(ZOO[name])


def _needs_photons(spec: Mapping[str, Any]) -> bool:
    return bool(spec["normalization"]["name"] == "photons")


def _objections(spec: Mapping[str, Any], seen: _Seen) -> list[str]:
    """What speaks against a model, nothing where it fits."""
    name, photons = spec["name"], _needs_photons(spec)
    if seen.view.dims != spec["dims"]:
        return [f"{name} works on {spec['dims']} spatial axes, and this stack is looked at along {seen.view.dims}."]
    found = [*_photon_objections(name, seen)] if photons else []
    if seen.spots is None:
        return found
    nanometres = seen.view.stack.pixel_size_nm
    measured = {
        "pixel_size_nm": (nanometres, 1.0, "Pixels of {} nm", "nm"),
        "psf_sigma_px": (seen.spots.sigma_px, _WIDTH_FACTOR, "Spots of sigma {} px", "px"),
        "density_per_px": (seen.spots.density_per_px, _DENSITY_FACTOR, "{} spots per square pixel", "per square pixel"),
        "photons": (seen.photons, _PHOTON_FACTOR, "About {} photons in a spot", "photons"),
    }
    for field, (value, factor, words, unit) in measured.items():
        limits = spec["domain"].get(field)
        if value is None or limits is None or limits[0] / factor <= value <= limits[1] * factor:
            continue
        found.append(
            f"{words.format(_rounded(value))}: {name} was trained for {limits[0]:,g} to {limits[1]:,g} {unit}."
        )
    return found


def _photon_objections(name: str, seen: _Seen) -> list[str]:
    """Why this is no movie of single molecules whose photons can be counted."""
    if seen.spots is None and not seen.view.stack.camera.is_calibrated:
        return [f"Without spots there is nothing that would speak for {name}."]
    found = []
    if seen.view.n_frames == 1:
        found.append(f"This is a single image; {name} is for movies of molecules that blink.")
    if seen.frames is not None and seen.camera is None:
        why = "its noise does not tell it either"
        if seen.noise is not None and not seen.noise.is_independent:
            why = "the images were smoothed, resized or compressed, so their noise does not tell it either"
        found.append(f"The camera is not known, and {why}: photons cannot be counted.")
    if seen.spots is not None and (seen.spots.standing or 0) > 0.5:
        found.append("Most spots stay where they are from frame to frame, as single molecules that blink do not.")
    return found


def _sights(seen: _Seen) -> list[str]:
    """What was seen, in the user's words."""
    if seen.frames is None:
        return [seen.problem]
    spots, size = seen.spots, seen.view.stack.pixel_size_nm
    if spots is None:
        if seen.frames.max() == seen.frames.min():
            return ["All pixels that were looked at have the same value: there is nothing to see."]
        return ["Hardly any spots stand out of the noise in the frames that were looked at."]
    width, density = f"{spots.sigma_px:.1f} px", f"{_rounded(spots.density_per_px * 1e4)} of them in 100 x 100 px"
    if size is not None:
        width += f" or {spots.sigma_px * size:.0f} nm"
        density = f"{_rounded(spots.density_per_px * 1e6 / size**2)} of them per µm²"
    found = [f"Spots are about {width} wide (sigma), {density} in a frame."]
    if spots.standing is not None and spots.standing <= 0.5:
        found.append("They come and go or move from frame to frame.")
    if seen.photons is not None:
        how = "" if seen.view.stack.camera.is_calibrated else ", with the camera estimated from the images"
        found.append(f"There are about {_rounded(seen.photons)} photons in a spot{how}.")
    return found


def _missing(seen: _Seen, *, photons: bool) -> list[str]:
    """What the user should give or check."""
    found, stack, spots = [], seen.view.stack, seen.spots
    size = stack.pixel_size_nm
    if size is None:
        found.append("The pixel size: without it, all distances are in pixels.")
    elif spots is not None and spots.sigma_px * size < _NARROWEST_NM / _WIDTH_FACTOR:
        found.append(
            "Whether the pixel size is right: no light microscope makes spots narrower than about "
            f"{_NARROWEST_NM:.0f} nm (sigma)."
        )
    if spots is not None and (spots.sigma_px > _WIDE_PX if size is None else spots.sigma_px * size > _WIDEST_NM):
        found.append(
            "Whether these are spots: they are so wide that they may be cells or nuclei, for which no model ships."
        )
    if photons and not stack.camera.is_calibrated:
        instead = "What was estimated from the images stands in for them" if seen.estimate else "The images do not tell"
        found.append(
            "The camera's counts without light and electrons per count, from its data sheet, and its EM gain if it has "
            f"one. {instead}."
        )
    if seen.noise is not None and seen.noise.saturated > 1e-4:
        found.append(f"{seen.noise.saturated:.2%} of the pixels are saturated: points there are not exact.")
    return found


def _rounded(value: float) -> str:
    """Two digits, written out: 1300 is "1,300"."""
    return f"{float(f'{value:.2g}'):,.10g}"
