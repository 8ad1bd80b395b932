"""What images themselves say of the camera: its gain and offset, and whether given ones can be true.

Shot noise ties the variance of a pixel to its mean. With K photoelectrons per count, excess noise F and read noise r
in counts, ``variance = F / K (mean - offset) + r^2`` (mean-variance or photon transfer analysis; Janesick, Photon
Transfer, SPIE Press 2007): the slope of noise over brightness gives the gain, and where the line meets zero is the
offset.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.noise import Noise, Values, measure_noise, variance_line
from napari_pinpoint.stack import Stack, StackView

_GROUPS = 10
_ROUNDING = 1 / 12  # variance of rounding to whole counts
_FACTOR = 1.5  # a gain that is further off than this is worth a warning
_QUIETER, _NOISIER = 1 / 1.6, 2.25  # and so is a variance; more of it can also be read noise that was not given


@dataclass(frozen=True)
class CameraEstimate:
    """Gain and offset found in images, with their standard errors.

    The errors hold the scatter of the data and what two filters disagree on, but not what `assumption` takes for
    granted. `camera` is the stack's with the missing numbers filled in.
    """

    electrons_per_adu: float
    electrons_per_adu_error: float
    offset_adu: float
    offset_adu_error: float
    em_gain: float
    n_frames: int
    assumption: str
    camera: Camera

    def __str__(self) -> str:
        gain = _plus_minus(self.electrons_per_adu, self.electrons_per_adu_error)
        return f"{gain} electrons per count, offset {_plus_minus(self.offset_adu, self.offset_adu_error)} counts"


def estimate_camera(
    stack: Stack | StackView, *, em_gain: float | None = None, read_noise_e: float | None = None
) -> CameraEstimate:
    """Gain and offset of the camera that took these images.

    Parameters
    ----------
    stack
        Images of anything that is diffraction-limited, of which some parts are brighter than others; a view where the
        stack has several channels, planes or positions. Raw: neither smoothed nor resized nor compressed with losses.
    em_gain, read_noise_e
        As in `Camera`; what the stack says where None. Neither can be seen in the images: an EM gain doubles the noise,
        and read noise that is not known is taken for a lower offset.

    Raises
    ------
    PinpointError
        If noise does not grow with brightness, neighbouring pixels are not independent, or there are too few pixels.

    Examples
    --------
    >>> import numpy
    >>> camera = Camera(offset_adu=100, electrons_per_adu=0.5)
    >>> light = numpy.full((40, 64, 64), 10.0) * numpy.linspace(1, 9, 64)
    >>> movie = Stack(camera.expose(light, numpy.random.default_rng(1)), "TYX")
    >>> abs(estimate_camera(movie).electrons_per_adu - 0.5) < 0.02
    True
    """
    view = stack.view() if isinstance(stack, Stack) else stack
    name = view.stack.name
    known = view.stack.camera
    for field, value in (("em_gain", em_gain), ("read_noise_e", read_noise_e)):
        if value is not None and value != getattr(known, field):
            known = known.with_values("given", **{field: value})
    noise = measure_noise(view)
    if not noise.is_independent:
        raise PinpointError(
            f"The camera cannot be estimated from {name}: the noise of neighbouring pixels is not independent, so the "
            "images were smoothed, resized or compressed with losses. Use the raw data, or give offset_adu and "
            "electrons_per_adu."
        )
    whole = view.stack.dtype.kind in "ui"
    numbers = _solve(noise.mean, noise.variance, known, whole)
    errors = _errors(noise, numbers, known, whole)
    if not errors[0] < numbers[0] / 3:  # NaN where the noise does not rise at all
        low, high = np.percentile(noise.mean, [1, 99])
        raise PinpointError(
            f"The camera cannot be estimated from {name}: the noise does not grow measurably with brightness between "
            f"{low:.0f} and {high:.0f} counts. Give offset_adu and electrons_per_adu, from the camera's data sheet or "
            "from frames without light."
        )
    fields = ("electrons_per_adu", "offset_adu")
    camera = known
    for field, value, error in zip(fields, numbers, errors, strict=True):
        if getattr(known, field) is None:
            camera = camera.with_values(f"estimated (±{_rounded(error)})", **{field: float(value)})
    (gain, offset), (gain_error, offset_error) = numbers.tolist(), errors.tolist()
    return CameraEstimate(
        gain, gain_error, offset, offset_error, known.em_gain, noise.n_frames, _assumption(known), camera
    )


def check_camera(stack: Stack | StackView, camera: Camera) -> list[str]:
    """Warn where the images say that the camera's numbers cannot be true.

    Returns
    -------
    The warnings' sentences: none where nothing stands out, or nothing can be told.
    """
    view = stack.view() if isinstance(stack, Stack) else stack
    try:
        noise = measure_noise(view, pixels=4_000_000)
    except PinpointError:
        return []
    found = [*_saturated(noise), *_implausible(noise, camera, view.stack.dtype.kind in "ui")]
    for sentence in found:
        warnings.warn(f"{view.stack.name}: {sentence}", PinpointWarning, stacklevel=2)
    return found


def _saturated(noise: Noise) -> list[str]:
    if noise.saturated < 1e-4:
        return []
    return [f"{noise.saturated:.2%} of the pixels are saturated: photons and positions there are wrong."]


def _implausible(noise: Noise, camera: Camera, whole: bool) -> list[str]:
    """Sentences on an offset or a gain that the brightness and the noise of the images contradict."""
    if not camera.is_calibrated:
        return []
    if not noise.variance.max() > 0:
        return ["the frames that were looked at are constant: there is no noise in them."]
    offset, per_adu = float(np.mean(camera.offset_adu)), float(np.mean(camera.electrons_per_adu))
    dark = noise.mean <= np.percentile(noise.mean, 20)
    level, variance = float(noise.mean[dark].mean()), float(noise.variance[dark].mean())
    darkest = float(np.percentile(noise.mean, 1))
    if darkest < offset - np.sqrt(variance):
        return [
            f"the darkest areas have {darkest:.0f} counts, less than the offset of {offset:.0f}: their photons would "
            "be negative. The offset is probably lower."
        ]
    if not noise.is_independent:
        return []
    numbers = _solve(noise.mean, noise.variance, camera, whole)
    errors = _errors(noise, numbers, camera, whole)
    gain = float(numbers[0]), float(errors[0])
    if gain[1] < 0.2 * gain[0] and _differ(per_adu, gain[0]):
        return [
            f"noise grows with brightness as with {_plus_minus(*gain)} electrons per count (EM gain "
            f"{camera.em_gain:g}), not {per_adu:.3g}.{_reason(per_adu, gain[0], camera.em_gain)}"
        ]
    expected = _variance(level, camera, whole)
    if _QUIETER < variance / expected < _NOISIER:
        return []
    remedy = (
        "The offset is probably higher, or there are more electrons per count."
        if variance < expected
        else "The offset is probably lower, or the read noise is higher."
    )
    photons = (level - offset) * per_adu / camera.em_gain
    return [
        f"in dark areas, at {level:.0f} counts or {photons:.0f} photons above the offset of {offset:.0f}, the noise is "
        f"{np.sqrt(variance):.1f} counts; {np.sqrt(expected):.1f} would be expected. {remedy}"
    ]


def _reason(given: float, seen: float, em_gain: float) -> str:
    """What may have been confused."""
    if not _differ(1 / given, seen, 1.3):
        return f" Is {given:.3g} the counts per electron? Then give {1 / given:.3g}."
    if em_gain == 1 and not _differ(2 * given, seen, 1.3):
        return " Twice the electrons, half the noise: were several frames averaged?"
    if em_gain == 1 and seen < given:
        return " If the camera has an EM gain, give it."
    if em_gain > 1 and not _differ(given * em_gain, seen, 1.3):
        return " Is the EM gain already divided out? Then multiply it back."
    return " Check electrons per count and EM gain."


def _differ(a: float, b: float, factor: float = _FACTOR) -> bool:
    return not 1 / factor < a / b < factor


def _variance(mean: float, camera: Camera, whole: bool) -> float:
    """Variance in counts squared that the camera should have at `mean` counts."""
    per_adu = float(np.mean(camera.electrons_per_adu))
    shot = camera.excess_noise * camera.em_gain / per_adu * max(mean - float(np.mean(camera.offset_adu)), 0.0)
    return shot + _constant(per_adu, camera, whole)


def _constant(per_adu: float, camera: Camera, whole: bool) -> float:
    """The variance without light: read noise, and rounding of whole counts."""
    return (float(np.mean(camera.read_noise_e)) / per_adu) ** 2 + (_ROUNDING if whole else 0.0)


def _solve(mean: Values, variance: Values, camera: Camera, whole: bool) -> Values:
    """(electrons_per_adu, offset_adu) from the line through the blocks; NaN where it does not rise."""
    slope, intercept = variance_line(mean, variance)
    if not slope > 0:
        return np.full(2, np.nan)
    per_adu = camera.excess_noise * camera.em_gain / slope
    return np.array([per_adu, (_constant(per_adu, camera, whole) - intercept) / slope])


def _errors(noise: Noise, numbers: Values, camera: Camera, whole: bool) -> Values:
    """Standard errors: a jackknife over tenths of the blocks, and what the two filters disagree on."""
    group = np.random.default_rng(0).permutation(len(noise.mean)) % _GROUPS
    kept = [group != left_out for left_out in range(_GROUPS)]
    solved = np.array([_solve(noise.mean[k], noise.variance[k], camera, whole) for k in kept])
    scatter = np.sqrt((_GROUPS - 1) / _GROUPS * ((solved - solved.mean(axis=0)) ** 2).sum(axis=0))
    errors: Values = np.hypot(scatter, _solve(noise.mean, noise.rough, camera, whole) - numbers)
    return errors


def _assumption(camera: Camera) -> str:
    em = f"EM gain {camera.em_gain:g}, so an excess noise of 2" if camera.em_gain > 1 else "no EM gain"
    read = float(np.mean(camera.read_noise_e))
    words = f"read noise {read:g} electrons" if read else "no read noise (with some, the offset is higher)"
    return f"Assumes {em}; {words}; noise that is independent from pixel to pixel; nothing finer than the PSF."


def _plus_minus(value: float, error: float) -> str:
    """A number with no more digits than its error lets it have."""
    decimals = max(0, 1 - int(np.floor(np.log10(error)))) if error > 0 else 3
    return f"{value:.{decimals}f} ± {_rounded(error)}"


def _rounded(error: float) -> str:
    return f"{float(f'{error:.2g}'):g}"
