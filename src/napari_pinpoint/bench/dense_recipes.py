"""What the methods for dense emitters are and learn from: one network, one simulated scene, five ways to ask."""

from __future__ import annotations

from typing import Any

from napari_pinpoint.model import ModelSpec
from napari_pinpoint.registry import Part
from napari_pinpoint.training import Recipe, TrainingSpec

#: What the data's description says of the camera.
CAMERA: dict[str, Any] = {"offset_adu": 100, "electrons_per_adu": 145.4, "em_gain": 300, "read_noise_e": 74}

_SCENE: dict[str, Any] = {
    "shape": [40, 40],
    "structures": {"uniform": 0.5, "filaments": 0.5},
    "density": [0.01, 0.11],
    "psf_sigma": [1.0, 1.2],
    "photons": [800, 2800],
    "photon_spread": 0.2,
    "background": [8, 60],
    "independent_frames": True,
    "cameras": [CAMERA | {"clock_induced_charge_e": 0.002}],
}
_VALIDATION = _SCENE | {"shape": [64, 64]}
_POOLED = Part(name="pooled_mass", options={"threshold": 0.3, "least": 0.04})


def _recipe(name: str, summary: str, method: Part, decoder: Part, steps: int) -> Recipe:
    return Recipe(
        model=ModelSpec(
            name=f"dense-{name}",
            summary=f"Dense emitters by {summary}.",
            backbone=Part(name="unet", options={"widths": [24, 48, 48]}),
            method=method,
            decoder=decoder,
        ),
        scene=Part(name="emitters", options=_SCENE),
        validation=Part(name="emitters", options=_VALIDATION),
        validation_frames=40,
        training=TrainingSpec(
            steps=steps, batch=16, learning_rate=1e-3, precision="bf16-mixed", validate_every=min(2_000, steps // 4)
        ),
    )


#: The same network on the same scene for all.
RECIPES = {
    "matching": _recipe(
        "matching",
        "continuous heat-map matching",
        Part(
            name="matching",
            options={"lambda_px": {"start": 0.8, "end": 0.25, "finish": 0.6, "shape": "exponential"}},
        ),
        _POOLED,
        14_000,
    ),
    "mixture": _recipe("mixture", "mixture likelihood", Part(name="mixture"), _POOLED, 14_000),
    "gaussian": _recipe(
        "gaussian",
        "Gaussian heat-map regression",
        Part(name="gaussian", options={"target_map": {"name": "gaussian", "options": {"sigma_px": 0.8}}}),
        Part(name="peaks"),
        4_000,
    ),
    "centernet": _recipe(
        "centernet",
        "CenterNet at stride 1",
        Part(name="centernet", options={"radius": "fixed", "radius_px": 1.0, "sizes": False, "width": 24}),
        Part(name="centers"),
        4_000,
    ),
    "lcfcn": _recipe("lcfcn", "counting by localization", Part(name="lcfcn"), Part(name="blobs"), 1_500),
}
