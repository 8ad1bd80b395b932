"""Localizations fitted to the pixels, neighbours together, with uncertainties from the Fisher information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from napari_pinpoint.camera import Camera
from napari_pinpoint.fitting.blocks import BLOCK_NUMBERS, Block, Pixels, blocks_of
from napari_pinpoint.fitting.clusters import parts_of, with_guests
from napari_pinpoint.fitting.likelihood import Patches, deviance_of_pixels, expected, shares
from napari_pinpoint.fitting.redundancy import without_redundant
from napari_pinpoint.fitting.scoring import Fitted, minimize
from napari_pinpoint.fitting.starting import starting_parameters
from napari_pinpoint.localizations import FLAGS, Localizations
from napari_pinpoint.psf import render_emitters

Array = np.ndarray[Any, Any]

#: Localizations that are fitted together at most, besides guests; larger clusters are cut, and fitted in turns.
MOST_TOGETHER = 32
#: Turns in which the parts of a cut cluster see each other's light.
TURNS = 4
#: Neighbours beyond a cut within so many PSF sigmas are guests of a part.
GUEST_SIGMAS = 5.0
#: Radius of the window in PSF sigmas; what lies beyond tells nothing more (see docs/fitting.md).
WINDOW_SIGMAS = 3.6
#: A fit goes no further than this from where it started, in PSF sigmas and at least pixels along each axis.
SHIFT_SIGMAS, SHIFT_PX = 1.0, 1.0
#: Of two that start nearer to each other than this, in sigmas, one may be redundant.
REDUNDANT_SIGMAS = 1.5
#: Limits of sigma over that of the stack, and of photons and background.
NARROWEST, WIDEST = 0.5, 2.0
LEAST_PHOTONS, LEAST_BACKGROUND = 1.0, 1e-3
#: Nearer to the image's border than this, in sigmas, a localization is flagged "edge".
EDGE_SIGMAS = 2.0
#: Nearer to another one than this (the full width at half maximum), in sigmas, it is flagged "overlapping".
OVERLAP_SIGMAS = 2.355

#: Columns that the fit measures besides y and x, in the order of `_Values`.
MEASURED = (
    "photons",
    "background",
    "psf_sigma_y",
    "psf_sigma_x",
    "uncertainty_y",
    "uncertainty_x",
    "uncertainty_photons",
    "uncertainty_background",
    "log_likelihood",
)


def fit(
    frames: Array, table: Localizations, camera: Camera, *, psf_sigma: float, device: torch.device | str = "cpu"
) -> Localizations:
    """Fit every localization of some frames by maximum likelihood, from where it is.

    Parameters
    ----------
    frames
        Counts (n, Y, X); `table["frame"]` is the index into them.
    table
        Where to start: `frame`, `y` and `x`. Rows stay in their order, and none is dropped.
    camera
        Must be calibrated; per-pixel maps are of shape (Y, X).
    psf_sigma
        About the width of the PSF in pixels: it decides how large the windows are, and how far a fit may go. Each
        fit finds its own width, within half and twice of it.
    device
        Of torch.

    Returns
    -------
    Localizations with new y and x, the columns `MEASURED`, and `flags`. A row whose fit ran away keeps the place that
    it had; what was not measured is NaN, and it is flagged "not_converged".

    Examples
    --------
    >>> from napari_pinpoint.scenes.emitters import EmitterScene
    >>> stack, truth = EmitterScene(density=(0.001, 0.001)).sample(20, np.random.default_rng(2))
    >>> fitted = fit(stack.data, truth, stack.camera, psf_sigma=1.3)
    >>> bool(abs(np.nanmedian(fitted["photons"] / truth["photons"]) - 1) < 0.05)
    True
    """
    job = _Job(frames, table, camera, psf_sigma, torch.device(device))
    with torch.inference_mode():
        job.run()
    return job.result()


@dataclass(eq=False)
class _Values:
    """What is known of every localization so far: arrays (n,)."""

    y: Array
    x: Array
    photons: Array
    background: Array
    sigma_y: Array
    sigma_x: Array

    @classmethod
    def start(cls, table: Localizations) -> _Values:
        zeros = (np.zeros(len(table)) for _ in range(4))
        return cls(table["y"].astype(np.float64), table["x"].astype(np.float64), *zeros)

    def copy(self) -> _Values:
        return _Values(*(np.array(values) for values in vars(self).values()))

    def parameters(self, block: Block) -> Array:
        """As parameters (G, P) of the likelihood, positions as seen from each part's first pixel."""
        m = block.member
        y, x = (values[m] - block.origin[:, axis, None] for axis, values in enumerate((self.y, self.x)))
        shared = (values[m[:, :1]] for values in (self.background, self.sigma_y, self.sigma_x))
        return np.concatenate([y, x, self.photons[m], *shared], axis=1)

    def store(self, block: Block, parameters: Array) -> None:
        """Parameters (G, P), back where they belong; those of guests are not kept."""
        k, some = block.member.shape[1], block.own
        rows = block.member[some]
        self.y[rows] = (parameters[:, :k] + block.origin[:, :1])[some]
        self.x[rows] = (parameters[:, k : 2 * k] + block.origin[:, 1:])[some]
        self.photons[rows] = parameters[:, 2 * k : 3 * k][some]
        for values, column in ((self.background, -3), (self.sigma_y, -2), (self.sigma_x, -1)):
            values[rows] = np.broadcast_to(parameters[:, column, None], some.shape)[some]


class _Job:
    """One call of `fit`."""

    def __init__(
        self, frames: Array, table: Localizations, camera: Camera, psf_sigma: float, device: torch.device
    ) -> None:
        self.table, self.psf_sigma, self.device = table, psf_sigma, device
        self.pixels = Pixels.of(frames, camera, device)
        self.radius = max(2, math.ceil(WINDOW_SIGMAS * psf_sigma))
        self.shift = max(SHIFT_PX, SHIFT_SIGMAS * psf_sigma)
        self.values = _Values.start(table)
        self.measured = {name: np.full(len(table), np.nan) for name in MEASURED}
        self.failed = np.zeros(len(table), dtype=bool)
        self.saturated = np.zeros(len(table), dtype=bool)
        self.redundant = np.zeros(len(table), dtype=bool)

    def run(self) -> None:
        """Fit what is alone or in small clusters at once, and the parts of large ones in turns."""
        frame, y, x = (self.table[name] for name in ("frame", "y", "x"))
        part, cut = parts_of(frame, y, x, radius=self.radius, most=MOST_TOGETHER)
        for block in self._blocks(part, ~cut):
            patches = block.patches(self.pixels)
            fitted = self._minimized(block, patches, self._guess(block, patches))
            self._finish(block, *self._needed(block, patches, fitted))
        blocks = self._blocks(part, cut)
        for block in blocks:
            self.values.store(block, self._guess(block, block.patches(self.pixels)).double().cpu().numpy())
        for turn in range(TURNS if blocks else 0):
            light, following = self._light(cut), self.values.copy()
            for block in blocks:
                own = torch.from_numpy(self.values.parameters(block)).to(self.pixels.data)
                patches = self._among_others(block, own, light)
                start = own if turn else self._guess(block, patches)
                fitted = self._minimized(block, patches, start)
                following.store(block, fitted.parameters.double().cpu().numpy())
                if turn == TURNS - 1:
                    self._finish(block, patches, fitted)
            self.values = following

    def result(self) -> Localizations:
        """The table with what was measured."""
        y, x = self.values.y, self.values.x
        given_y, given_x = self.table["y"], self.table["x"]
        far = np.maximum(np.abs(y - given_y), np.abs(x - given_x)) >= self.shift * 0.999
        far |= ~(np.isfinite(y) & np.isfinite(x)) | self.redundant
        columns: dict[str, Any] = {name: np.where(far, np.nan, values) for name, values in self.measured.items()}
        columns |= {"y": np.where(far, given_y, y), "x": np.where(far, given_x, x)}
        table = self.table.with_columns(**columns)
        return table.with_columns(flags=self._flags(table, self.failed | far))

    def _flags(self, table: Localizations, failed: Array) -> Array:
        height, width = self.pixels.shape
        y, x, sigma = table["y"], table["x"], self.psf_sigma
        border = np.min([y + 0.5, height - 0.5 - y, x + 0.5, width - 0.5 - x], axis=0, initial=np.inf)
        apart = table["frame"][:, None] * (4 * OVERLAP_SIGMAS * sigma)
        places = np.concatenate([apart, np.stack([y, x], axis=1)], axis=1)
        near = np.asarray(cKDTree(places).query(places, k=[2])[0])[:, 0] if len(table) else np.zeros(0)
        raised = {
            "edge": border < EDGE_SIGMAS * sigma,
            "overlapping": near < OVERLAP_SIGMAS * sigma,
            "not_converged": failed,
            "saturated": self.saturated,
        }
        flags = table["flags"].copy() if "flags" in table else np.zeros(len(table), dtype=np.int64)
        for name, rows in raised.items():
            flags = np.where(rows, flags | FLAGS[name], flags & ~FLAGS[name])
        return flags

    def _blocks(self, part: Array, which: Array) -> list[Block]:
        """Blocks of the parts of these rows; no guest lives in another part unless a cluster was cut."""
        rows = np.flatnonzero(which)
        frame, y, x = (self.table[name] for name in ("frame", "y", "x"))
        within = GUEST_SIGMAS * self.psf_sigma
        parts, row, own = with_guests(part[rows], frame[rows], y[rows], x[rows], within=within)
        numbers = BLOCK_NUMBERS[self.device.type]
        return list(blocks_of((parts, rows[row], own), frame, y, x, radius=self.radius, numbers=numbers))

    def _guess(self, block: Block, patches: Patches) -> Tensor:
        given = torch.from_numpy(self.values.parameters(block)).to(self.pixels.data)
        return starting_parameters(given, patches, psf_sigma=self.psf_sigma)

    def _minimized(self, block: Block, patches: Patches, start: Tensor) -> Fitted:
        k, given = block.member.shape[1], _Values.start(self.table).parameters(block)
        lower, upper = np.full_like(given, -np.inf), np.full_like(given, np.inf)
        lower[:, : 2 * k], upper[:, : 2 * k] = given[:, : 2 * k] - self.shift, given[:, : 2 * k] + self.shift
        lower[:, 2 * k : 3 * k], lower[:, -3] = LEAST_PHOTONS, LEAST_BACKGROUND
        lower[:, -2:], upper[:, -2:] = NARROWEST * self.psf_sigma, WIDEST * self.psf_sigma
        limits = (torch.from_numpy(limit).to(start) for limit in (lower, upper))
        return minimize(start, patches, *limits)

    def _needed(self, block: Block, patches: Patches, fitted: Fitted) -> tuple[Patches, Fitted]:
        """Patches and fit without localizations that say the same emitter again, as models do of very bright ones."""
        if block.member.shape[1] == 1:
            return patches, fitted

        def refit(rows: Tensor, start: Tensor, fewer: Patches) -> Fitted:
            guess = starting_parameters(start, fewer, psf_sigma=self.psf_sigma)
            return self._minimized(block.take(rows.cpu().numpy()), fewer, guess)

        given = torch.from_numpy(self.values.parameters(block)).to(self.pixels.data)
        within = REDUNDANT_SIGMAS * self.psf_sigma
        fitted, patches = without_redundant(fitted, patches, given, refit, within=within, psf_sigma=self.psf_sigma)
        return patches, fitted

    def _light(self, which: Array) -> Tensor:
        """Light of these localizations in all frames, (n, Y, X)."""
        v = self.values
        rows = np.flatnonzero(which)
        numbers = (values[rows] for values in (v.y, v.x, v.photons, v.sigma_y, v.sigma_x))
        y, x, photons, sigma_y, sigma_x = (torch.from_numpy(values).to(self.pixels.data) for values in numbers)
        frame = torch.from_numpy(self.table["frame"][rows]).to(self.device)
        light: Tensor = render_emitters(
            frame, y, x, photons, sigma_y, sigma_x, len(self.pixels.data), self.pixels.shape
        )
        return light

    def _among_others(self, block: Block, own: Tensor, light: Tensor) -> Patches:
        """Patches in which the others' light is all of it less the part's own."""
        patches = block.patches(self.pixels, light)
        lit = expected(own, patches, *shares(own, *block.size))
        patches.others.sub_(lit).clamp_(min=0)
        return patches

    def _finish(self, block: Block, patches: Patches, fitted: Fitted) -> None:
        """Keep what a fit tells of its localizations."""
        self.values.store(block, fitted.parameters.double().cpu().numpy())
        some, k = block.own, block.member.shape[1]
        rows = block.member[some]
        parameters = fitted.parameters.double().cpu().numpy()
        errors = _standard_errors(fitted.information).cpu().numpy()
        light = expected(fitted.parameters, patches, *shares(fitted.parameters, *block.size))
        deviance = deviance_of_pixels(light + fitted.parameters[:, -3, None, None], patches)
        windows = block.windows(self.device)
        full = self.pixels.full[block.index(self.pixels.shape, self.device)].to(deviance)

        def all_of(column: int) -> slice:
            return slice(column * k, (column + 1) * k)

        def shared(values: Array) -> Array:
            return np.broadcast_to(values[:, None], some.shape)

        columns = {
            "photons": parameters[:, all_of(2)],
            "background": shared(parameters[:, -3]),
            "psf_sigma_y": shared(parameters[:, -2]),
            "psf_sigma_x": shared(parameters[:, -1]),
            "uncertainty_y": errors[:, all_of(0)],
            "uncertainty_x": errors[:, all_of(1)],
            "uncertainty_photons": errors[:, all_of(2)],
            "uncertainty_background": shared(errors[:, -3]),
            "log_likelihood": -_in_windows(deviance, windows).cpu().numpy(),
        }
        for name, values in columns.items():
            self.measured[name][rows] = values[some]
        self.saturated[rows] = (_in_windows(full, windows).cpu().numpy() > 0)[some]
        sigma = parameters[:, -2:] / self.psf_sigma
        at_limit = np.any((sigma <= NARROWEST * 1.001) | (sigma >= WIDEST * 0.999), axis=1)
        moving = fitted.moving.cpu().numpy()
        redundant = patches.exists.cpu().numpy() == 0
        lost = (parameters[:, all_of(2)] <= LEAST_PHOTONS * 1.001) | ~np.isfinite(errors[:, all_of(0)]) | redundant
        for column in range(3):
            lost |= moving[:, all_of(column)]
        self.failed[rows] = (shared(at_limit) | lost)[some]
        self.redundant[rows] = redundant[some]


def _in_windows(values: Tensor, windows: tuple[Tensor, Tensor]) -> Tensor:
    """Sums of pixel values (G, H, W) over the window of each localization, (G, K)."""
    rows, columns = windows
    return ((rows @ values) * columns).sum(dim=2)


def _standard_errors(information: Tensor) -> Tensor:
    """Square roots of the diagonal of the inverse (G, P), in double precision; NaN where there is none.

    Parameters without any information, as of emitters that only pad, are left out.
    """
    exact = (information.cpu() if information.device.type == "mps" else information).double()
    diagonal = torch.diagonal(exact, dim1=1, dim2=2)
    scale = torch.where(diagonal > 0, diagonal, torch.ones_like(diagonal)).rsqrt()
    unknown = (diagonal <= 0).to(exact)
    matrix = exact * scale[:, :, None] * scale[:, None, :] + torch.diag_embed(unknown)
    root, failed = torch.linalg.cholesky_ex(matrix)
    usable = failed == 0
    root = torch.where(usable[:, None, None], root, torch.eye(root.shape[1], dtype=root.dtype, device=root.device))
    variance = torch.diagonal(torch.cholesky_inverse(root), dim1=1, dim2=2)
    errors = variance.sqrt() * scale
    return torch.where(usable[:, None] & (diagonal > 0), errors, torch.full_like(errors, torch.nan))
