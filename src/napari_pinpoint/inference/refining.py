"""The fit that a run may end with: whether it can be made, about how wide the PSF is, and a chunk of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_pinpoint.camera import CAMERA_FIELDS
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.fitting import fit
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.model import Localizer
from napari_pinpoint.spot_statistics import measure_spots
from napari_pinpoint.stack import PROJECTION, StackView

if TYPE_CHECKING:
    from napari_pinpoint.inference.planning import Plan

#: Frames, and rows and columns in the middle of each, that tell how wide the PSF is.
_FRAMES, _SIDE = 8, 256
#: Its standard deviation in pixels where neither the stack nor the model tells it, and what is believed of a stack.
_USUAL_SIGMA, _BELIEVED = 1.3, (0.6, 4.0)


def check_can_fit(view: StackView) -> None:
    """Raise where photons cannot be counted: the fit needs an image of one channel and a known camera."""
    name, camera = view.stack.name, view.stack.camera
    if not camera.is_calibrated:
        missing = " and ".join(CAMERA_FIELDS[field] for field in camera.missing())
        raise PinpointError(
            f"A maximum-likelihood fit counts photons, and the camera of {name} is not known: its {missing} "
            f"{'is' if len(camera.missing()) == 1 else 'are'} missing. Give them (--offset-adu, --electrons-per-adu), "
            "or localize without the fit (refine='none')."
        )
    seen = view.spatial_axes if view.dims != 2 else "the maximum along z" if view.planes == PROJECTION else ""
    if not seen and view.colour is not None:
        seen = f"{view.channels} channels" if view.channels > 1 else "luminance"
    if seen:
        raise PinpointError(
            f"A maximum-likelihood fit needs images of one channel as the camera took them; this view of {name} shows "
            f"{seen}. Choose a channel and a plane, or localize without the fit (refine='none')."
        )


def usual_sigma(view: StackView, model: Localizer) -> float:
    """About the standard deviation of the PSF in pixels: of frames throughout the stack, else of the model's domain.

    It does not depend on which frames are localized, so that any part of a stack is fitted as all of it is.
    """
    n, (rows, columns) = view.n_frames, view.spatial_shape
    middle = tuple(slice(max(0, (size - _SIDE) // 2), (size + _SIDE) // 2) for size in (rows, columns))
    chosen = np.unique(np.linspace(0, n - 1, min(n, _FRAMES)).round().astype(int))
    frames = np.stack([view.read(index, index + 1, middle)[0, 0] for index in chosen])
    measured = measure_spots(frames.astype(np.float32))
    if measured is not None and _BELIEVED[0] <= measured.sigma_px <= _BELIEVED[1]:
        return round(measured.sigma_px, 2)
    domain = model.spec.domain.psf_sigma_px
    return _USUAL_SIGMA if domain is None else float(np.mean(domain))


def refined(plan: Plan, table: Localizations, frames: np.ndarray[Any, Any], start: int) -> Localizations:
    """The rows of a chunk, fitted to its raw frames (n, C, \\*spatial) from frame `start` on."""
    if plan.psf_sigma is None:
        return table
    here = table.with_columns(frame=table["frame"] - start)
    fitted = fit(frames[:, 0], here, plan.view.stack.camera, psf_sigma=plan.psf_sigma, device=plan.device)
    return fitted.with_columns(frame=table["frame"])
