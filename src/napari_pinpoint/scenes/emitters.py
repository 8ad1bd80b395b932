"""Single molecules in a camera: structure, blinking, PSF, background, noise; with the truth beside."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, Field, model_validator

from napari_pinpoint.arrays import Array, Rng, asarray_like, is_torch, library, numpy_generator
from napari_pinpoint.camera import Camera
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import FLAGS, Localizations, read_only
from napari_pinpoint.psf import render_emitters
from napari_pinpoint.scenes import blinking
from napari_pinpoint.scenes.background import smooth_background
from napari_pinpoint.scenes.options import CameraOptions, PositiveRange, Range, draw
from napari_pinpoint.scenes.structures import STRUCTURES
from napari_pinpoint.stack import Stack

#: Pixels that are rendered and exposed at once, so that long movies need little more memory than their counts.
_BLOCK = 1 << 22
#: A movie has at least this many times the particles that are on in a frame, so that few are drawn to be on twice.
_RESERVE = 20


def _known_structures(weights: dict[str, float]) -> dict[str, float]:
    unknown = set(weights) - set(STRUCTURES)
    if unknown:
        raise ValueError(f"there is no structure {', '.join(sorted(unknown))}; there are: {', '.join(STRUCTURES)}")
    if not (all(weight >= 0 for weight in weights.values()) and sum(weights.values()) > 0):
        raise ValueError("weights of structures are at least 0 and not all 0")
    return weights


class EmitterScene(BaseModel, extra="forbid", frozen=True):
    """Blinking molecules on structures, seen through a Gaussian PSF by a camera.

    Ranges are (low, high). What is drawn from them is drawn for every frame with `independent_frames`, which gives
    training as much variety as there can be, and once for a movie without it: then the structure stands still and
    its particles blink again and again.

    Examples
    --------
    >>> import numpy as np
    >>> stack, truth = EmitterScene(shape=(32, 32)).sample(10, np.random.default_rng(1))
    >>> stack.shape, stack.dtype, "photons" in truth
    ((10, 32, 32), dtype('uint16'), True)
    """

    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        default=(64, 64), description="Rows and columns of a frame."
    )
    pixel_size_nm: float = Field(default=100.0, gt=0, description="Size of a pixel.")
    structures: Annotated[dict[str, float], AfterValidator(_known_structures)] = Field(
        default={"uniform": 1.0}, description="Weights of what emitters lie on; one structure is drawn."
    )
    density: Range = Field(default=(0.005, 0.02), description="Mean emitters per square pixel that light a frame.")
    density_on_log_scale: bool = Field(
        default=False, description="Whether densities are drawn evenly on a log scale: as many sparse frames as dense."
    )
    psf_sigma: PositiveRange = Field(default=(1.2, 1.4), description="Standard deviation of the PSF in pixels.")
    sigma_spread: float = Field(
        default=0.03, ge=0, lt=0.3, description="Relative standard deviation of sigma from emitter to emitter."
    )
    photons: PositiveRange = Field(
        default=(800.0, 3000.0),
        description="Mean photoelectrons of an emitter that is on for a whole frame (drawn evenly on a log scale).",
    )
    photon_spread: float = Field(
        default=0.3, ge=0, le=2, description="Standard deviation of the logarithm of photons from emitter to emitter."
    )
    background: PositiveRange = Field(
        default=(5.0, 50.0), description="Photoelectrons per pixel (drawn evenly on a log scale)."
    )
    background_gradient: float = Field(
        default=0.2, ge=0, le=1, description="Largest relative change of the background from centre to edge."
    )
    background_structure: float = Field(
        default=0.1, ge=0, le=1, description="Relative standard deviation of smooth structure in the background."
    )
    on_time_frames: float | None = Field(
        default=None,
        gt=0,
        description="Mean duration of an emission in frames, exponentially distributed; "
        "without it every emission is exactly one whole frame.",
    )
    blinks: float = Field(default=5.0, gt=0, description="Mean number of emissions of a particle in a movie.")
    min_visible: float = Field(
        default=0.2, ge=0, le=1, description='Emitters that are on for less of a frame are flagged "ignore".'
    )
    drift_px: tuple[float, float] = Field(
        default=(0.0, 0.0), description="How far the sample drifts along y and x over the movie, pixels; not evenly."
    )
    cameras: tuple[CameraOptions, ...] = Field(
        default=(CameraOptions(),), min_length=1, description="Cameras; every sample draws one."
    )
    independent_frames: bool = Field(default=False, description="Whether every frame is a scene of its own.")

    @model_validator(mode="after")
    def _log_scales_begin_above_0(self) -> Self:
        if self.density_on_log_scale and self.density[0] <= 0:
            raise ValueError(f"densities on a log scale begin above 0, not at {self.density[0]:g}")
        return self

    @model_validator(mode="after")
    def _drift_needs_a_movie(self) -> Self:
        if self.independent_frames and any(self.drift_px):
            raise ValueError("independent frames cannot drift; leave out drift_px or independent_frames")
        return self

    def sample(self, n_frames: int, rng: Rng) -> tuple[Stack, Localizations]:
        """Frames and their truth.

        Parameters
        ----------
        n_frames
            Number of frames.
        rng
            ``numpy.random.Generator``: counts come as a uint16 array. ``torch.Generator``: as a float32 tensor on its
            device; geometry is drawn on the CPU all the same, light and noise on the device.

        Returns
        -------
        stack
            Counts (n_frames, \\*shape), with the camera that took them.
        truth
            Every emitter whose centre is inside the frame, with the `photons` and the `background` that are expected
            in that frame. The light of emitters beyond the edge falls into it, too; they are not in the table. Where
            the sample drifts, `drift_y` and `drift_x` say how far it has since the first frame.
        """
        if n_frames < 1:
            raise PinpointError(f"A scene needs at least one frame to sample, not {n_frames}.")
        geometry = numpy_generator(rng)
        camera = self.cameras[int(geometry.integers(len(self.cameras)))].camera()
        emitters = self._emitters(n_frames, geometry)
        background = self._background(n_frames, geometry, like=_float32(rng))
        counts = _exposed(emitters, background, n_frames, camera, rng)
        truth = self._truth(emitters, background, n_frames).with_record(
            {
                "scene": {"name": "emitters", "options": self.model_dump(mode="json")},
                "n_frames": n_frames,
                "camera": camera.to_record(),
            }
        )
        sources = {"pixel_size_nm": "simulated"}
        return Stack(counts, "TYX", camera, pixel_size_nm=self.pixel_size_nm, sources=sources), truth

    def drift(self, n_frames: int) -> np.ndarray[Any, Any]:
        """How far the sample has drifted since the first frame, (n_frames, 2) in y and x, pixels."""
        t = np.linspace(0, 1, n_frames)[:, None]
        drift: np.ndarray[Any, Any] = np.array(self.drift_px) * (t + 0.1 * np.sin(2 * np.pi * np.array([1.5, 2.3]) * t))
        return drift

    def _emitters(self, n_frames: int, rng: np.random.Generator) -> _Emitters:
        """Who shines where and how brightly, in all frames."""
        n_movies, length = (n_frames, 1) if self.independent_frames else (1, n_frames)
        # All that comes into view: by its light, or by drifting there.
        margin = math.ceil(3 * self.psf_sigma[1] + np.abs(self.drift(n_frames)).max())
        size = (self.shape[0] + 2.0 * margin, self.shape[1] + 2.0 * margin)
        per_frame = draw(self.density, n_movies, rng, log=self.density_on_log_scale) * size[0] * size[1]
        if self.on_time_frames is None:
            emissions = blinking.steady(n_movies, length, per_frame, rng)
        else:
            emissions = blinking.exponential(n_movies, length, per_frame, self.on_time_frames, rng)
        n_emissions = int(emissions.emission.max(initial=-1)) + 1
        if self.independent_frames:
            # A movie of one frame: every emission is a particle of its own.
            n_particles, particle = n_emissions, emissions.emission
            movie = np.zeros(n_particles, dtype=np.int64)
            movie[particle] = emissions.frame
        else:
            n_particles = math.ceil(max(n_emissions / self.blinks, _RESERVE * per_frame[0], 1))
            emissions, particle = blinking.joined(emissions, rng.integers(n_particles, size=n_emissions))
            movie = np.zeros(n_particles, dtype=np.int64)

        position = self._positions(movie, n_movies, size, rng) - (margin + 0.5)
        wide = 1 + self.sigma_spread * rng.standard_normal(n_particles).clip(-3, 3)
        sigma = draw(self.psf_sigma, n_movies, rng)[movie] * wide
        # The mean over emitters stays what was drawn for the movie.
        bright = np.exp(self.photon_spread * rng.standard_normal(n_emissions) - self.photon_spread**2 / 2)
        level = draw(self.photons, n_movies, rng, log=True)
        drift = self.drift(n_frames)[emissions.frame]
        return _Emitters(
            frame=emissions.frame,
            y=position[particle, 0] + drift[:, 0],
            x=position[particle, 1] + drift[:, 1],
            photons=level[movie[particle]] * bright[emissions.emission] * emissions.fraction,
            psf_sigma=sigma[particle],
            particle=particle,
            fraction=emissions.fraction,
        )

    def _positions(
        self, movie: Array, n_movies: int, size: tuple[float, float], rng: np.random.Generator
    ) -> np.ndarray[Any, Any]:
        """Positions (n, 2) of particles on the structure that their movie has drawn."""
        names = [name for name, weight in self.structures.items() if weight > 0]
        weights = np.array([self.structures[name] for name in names])
        drawn = rng.choice(len(names), n_movies, p=weights / weights.sum())
        position = np.empty((len(movie), 2))
        for index in np.unique(drawn):
            here = drawn[movie] == index
            position[here] = STRUCTURES[names[index]](movie[here], n_movies, size, rng)
        return position

    def _background(self, n_frames: int, rng: np.random.Generator, *, like: Array) -> Array:
        """Expected background of shape (n_frames, \\*shape), or (1, \\*shape) where it is the same in all frames."""
        return smooth_background(
            draw(self.background, n_frames if self.independent_frames else 1, rng, log=True),
            self.shape,
            gradient=self.background_gradient,
            structure=self.background_structure,
            rng=rng,
            like=like,
        )

    def _truth(self, emitters: _Emitters, background: Array, n_frames: int) -> Localizations:
        """The table of all emitters inside their frame."""
        inside = np.ones(len(emitters.frame), dtype=bool)
        for position, size in zip((emitters.y, emitters.x), self.shape, strict=True):
            inside &= (position >= -0.5) & (position < size - 0.5)
        frame, y, x, photons, sigma, particle, fraction = (values[inside] for values in emitters)
        pixel = [np.rint(position).astype(np.int64) for position in (y, x)]
        under = background[(frame if self.independent_frames else np.zeros_like(frame), *pixel)]
        columns = {
            "frame": frame,
            "y": y,
            "x": x,
            "photons": photons,
            "background": under.cpu().numpy() if is_torch(under) else under,
            "psf_sigma_y": sigma,
            "psf_sigma_x": sigma,
            "particle": particle,
            "source": np.full(len(frame), "truth", dtype=object),
            "flags": np.where(fraction < self.min_visible, FLAGS["ignore"], 0),
        }
        if any(self.drift_px):
            columns["drift_y"], columns["drift_x"] = self.drift(n_frames)[frame].T
        return Localizations(
            {name: read_only(values) for name, values in columns.items()}, pixel_size_nm=self.pixel_size_nm
        )


class _Emitters(NamedTuple):
    """One row for each emitter and frame, sorted by frame; positions in pixels, also beyond the edge of the frame."""

    frame: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    x: np.ndarray[Any, Any]
    photons: np.ndarray[Any, Any]
    psf_sigma: np.ndarray[Any, Any]
    particle: np.ndarray[Any, Any]
    fraction: np.ndarray[Any, Any]


def _exposed(emitters: _Emitters, background: Array, n_frames: int, camera: Camera, rng: Rng) -> Array:
    """Counts (n_frames, Y, X) of the light of emitters and background."""
    height, width = background.shape[1:]
    length = max(1, _BLOCK // (height * width))
    blocks = []
    for start in range(0, n_frames, length):
        stop = min(start + length, n_frames)
        rows = slice(*np.searchsorted(emitters.frame, (start, stop)))
        y, x, photons, sigma = (
            asarray_like(values[rows], background)
            for values in (emitters.y, emitters.x, emitters.photons, emitters.psf_sigma)
        )
        frame = emitters.frame[rows] - start
        if is_torch(background):
            frame = library(background).as_tensor(frame, device=background.device)
        light = render_emitters(frame, y, x, photons, sigma, sigma, stop - start, (height, width))
        light += background if len(background) == 1 else background[start:stop]
        blocks.append(camera.expose(light, rng))
    return library(background).concatenate(blocks) if len(blocks) > 1 else blocks[0]


def _float32(rng: Rng) -> Array:
    """An array without values, of the library and device of `rng`."""
    xp = library(rng)
    return xp.zeros(0, dtype=xp.float32, **({"device": rng.device} if is_torch(rng) else {}))
