r"""How likely the pixels of many small images are under emitters on an even background, with slopes and information.

A pixel's photoelectrons d have the mean mu = sum_i N_i h(y_i, x_i, s_y, s_x) + b, with the pixel-integrated Gaussian h
of `psf`, and the variance F mu + v: shot noise, multiplied by an excess noise factor F (2 with EM gain, else 1), and
read-out. Shifted and scaled,

    z = (d + v / F) / F    has the mean and the variance    m = (mu + v / F) / F,

so that it is treated as Poisson (Huang et al., Nature Methods 10, 653, 2013, for F = 1). What is minimised is half the
deviance, sum(m - z + z ln(z / m)); its expected curvature is the Fisher information of `evaluation.bounds`,

    I_pq = sum (d mu / d p) (d mu / d q) / (F mu + v).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from napari_pinpoint.psf import Shares, integrated_gaussian_derivatives

#: The least light that a pixel is taken to expect, in photoelectrons.
_DARK = 1e-3


@dataclass(frozen=True, eq=False)
class Patches:
    """Pixels of G parts and which emitters are in them, padded to common sizes: K emitters, H x W pixels.

    Attributes
    ----------
    data
        z of every pixel, (G, H, W).
    known
        1 where a pixel counts, 0 where it is saturated, outside the windows or the image, (G, H, W).
    spread
        v / F of every pixel, in photoelectrons, (G, H, W).
    others
        Light of emitters of other parts, in photoelectrons, (G, H, W).
    exists
        1 for an emitter, 0 for what is only padding, (G, K).
    excess_noise
        F.
    """

    data: Tensor
    known: Tensor
    spread: Tensor
    others: Tensor
    exists: Tensor
    excess_noise: float

    def take(self, rows: Tensor) -> Patches:
        """Some of the parts."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "excess_noise"}
        return replace(self, **{name: values[rows] for name, values in tensors.items()})

    def photoelectrons(self) -> Tensor:
        """The data as photoelectrons (G, H, W)."""
        return self.data * self.excess_noise - self.spread


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Half the deviance (G,), its descent (G, P) and the Fisher information (G, P, P) of P = 3 K + 3 parameters.

    Parameters are the y of all emitters of a part, then all x, all photons, and the background, sigma_y and sigma_x
    that they share.
    """

    deviance: Tensor
    descent: Tensor
    information: Tensor


def n_emitters(parameters: Tensor) -> int:
    """K, of parameters (G, 3 K + 3)."""
    return parameters.shape[1] // 3 - 1


def shares(parameters: Tensor, height: int, width: int) -> tuple[Shares, Shares]:
    """Shares of light in rows (G, K, H) and columns (G, K, W), with their derivatives."""
    k = n_emitters(parameters)
    along = []
    for first, sigma, size in ((0, -2, height), (k, -1, width)):
        position = parameters[:, first : first + k]
        widths = parameters[:, sigma, None].expand_as(position)
        flat = integrated_gaussian_derivatives(position.reshape(-1), widths.reshape(-1), size)
        along.append(Shares(*(values.view(-1, k, size) for values in flat)))
    return along[0], along[1]


def photons_of(parameters: Tensor, patches: Patches) -> Tensor:
    """Photons of the emitters that exist, (G, K)."""
    k = n_emitters(parameters)
    return parameters[:, 2 * k : 3 * k] * patches.exists


def expected(parameters: Tensor, patches: Patches, rows: Shares, columns: Shares) -> Tensor:
    """Photoelectrons that the emitters of a part, without background and others, give to its pixels, (G, H, W)."""
    bright: Tensor = rows.value * photons_of(parameters, patches)[:, :, None]
    light: Tensor = bright.transpose(1, 2) @ columns.value
    return light


def deviance_of_pixels(light: Tensor, patches: Patches) -> Tensor:
    """Half the deviance of every pixel (G, H, W) where `light` is expected of a part; 0 where nothing is known."""
    z, mean = patches.data, _mean(light, patches)
    ratio = (mean - z) / z.clamp(min=_DARK)
    # In this form nothing is lost to rounding where the fit is good.
    return torch.where(z > _DARK, z * (ratio - torch.log1p(ratio)), mean) * patches.known


def evaluate(parameters: Tensor, patches: Patches) -> Evaluated:
    """How well the parameters fit, and which way and how steeply it goes down."""
    _, height, width = patches.data.shape
    rows, columns = shares(parameters, height, width)
    light = expected(parameters, patches, rows, columns) + parameters[:, -3, None, None]
    deviance = deviance_of_pixels(light, patches).sum(dim=(1, 2))
    mean, factor = _mean(light, patches), patches.excess_noise
    slopes = _slopes(photons_of(parameters, patches), patches, rows, columns).flatten(2)
    pull = ((patches.data / mean - 1) * patches.known / factor).flatten(1)
    weight = (patches.known / (mean * factor**2)).flatten(1)
    descent = (slopes @ pull[:, :, None])[:, :, 0]
    information = (slopes * weight[:, None]) @ slopes.transpose(1, 2)
    return Evaluated(deviance, descent, information)


def _mean(light: Tensor, patches: Patches) -> Tensor:
    """m, where `light` and that of other parts is expected."""
    return (light + patches.others + patches.spread).clamp(min=_DARK) / patches.excess_noise


def _slopes(photons: Tensor, patches: Patches, rows: Shares, columns: Shares) -> Tensor:
    """Derivatives of mu with respect to each parameter, (G, P, H, W)."""
    parts, k = photons.shape
    bright = photons[:, :, None]
    slopes = photons.new_empty(parts, 3 * k + 3, *patches.data.shape[1:])
    lit = rows.value * bright

    def outer(row: Tensor, column: Tensor, out: Tensor) -> None:
        torch.mul(row[:, :, :, None], column[:, :, None, :], out=out)

    outer(rows.position * bright, columns.value, slopes[:, :k])
    outer(lit, columns.position, slopes[:, k : 2 * k])
    outer(rows.value * patches.exists[:, :, None], columns.value, slopes[:, 2 * k : 3 * k])
    slopes[:, -3] = 1
    slopes[:, -2] = (rows.sigma * bright).transpose(1, 2) @ columns.value
    slopes[:, -1] = lit.transpose(1, 2) @ columns.sigma
    return slopes
