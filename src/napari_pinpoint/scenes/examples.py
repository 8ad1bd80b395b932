"""Movies to show and to try things on, always the same: of the demonstration and of napari's samples."""

from __future__ import annotations

import numpy as np

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.scenes.emitters import EmitterScene
from napari_pinpoint.scenes.options import CameraOptions
from napari_pinpoint.scenes.spots import SpotScene
from napari_pinpoint.stack import Stack

CAMERA = CameraOptions(offset_adu=100, electrons_per_adu=0.46, read_noise_e=1.6)


def filaments(n_frames: int = 500, *, seed: int = 7) -> tuple[Stack, Localizations]:
    """Blinking filaments of 9.6 x 9.6 um, as an sCMOS camera sees them, and their truth."""
    scene = EmitterScene(
        shape=(96, 96),
        structures={"filaments": 1.0},
        density=(0.008, 0.008),
        psf_sigma=(1.3, 1.3),
        photons=(1500.0, 1500.0),
        background=(15.0, 15.0),
        on_time_frames=3.0,
        blinks=2.0,
        cameras=(CAMERA,),
    )
    return scene.sample(n_frames, np.random.default_rng(seed))


def spots(side: int = 512, *, seed: int = 4) -> tuple[Stack, Localizations]:
    """One image of fluorescent spots among cells and haze, side x side pixels, and their truth."""
    scene = SpotScene(
        shape=(side, side),
        density=(0.003, 0.003),
        spot_sigma=(1.3, 1.3),
        brightness=(12.0, 12.0),
        brightness_spread=(0.1, 0.1),
        empty=0.0,
        faintest=2.0,
        photons=(300.0, 300.0),
        clustering=1.0,
        smoothed=0.0,
        stretched=0.0,
    )
    return scene.sample(1, np.random.default_rng(seed))
