"""Mixture likelihood: every candidate says what it found and how sure it is of each number.

As in the best networks for single molecules (Speiser et al., Nature Methods 18, 1082, 2021, without its code): the
candidates of an image form a mixture of Gaussians over position and photons, under which the true emitters should be
likely, and independent trials whose number of successes should be the true count. Nothing has to be assigned, and the
widths of the Gaussians become standard errors, because the likelihood is best where they are as wide as the errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn import functional

from napari_pinpoint.methods.cells import cell_centres, cells_of, is_believed, windows_around
from napari_pinpoint.methods.count import count_log_likelihood
from napari_pinpoint.methods.points import Points
from napari_pinpoint.methods.schedule import Schedule
from napari_pinpoint.networks import convolution

#: Log of a photon count or background is trusted to this, whatever a network says: 1 %.
_LEAST_RELATIVE_SPREAD = 0.01


@dataclass(frozen=True)
class MixtureTarget:
    """Emitters in pixels (B, N, D), their classes (B, N), what is known of them (B, N), and which of them count."""

    positions: Tensor
    labels: Tensor
    log_photons: Tensor
    log_background: Tensor
    counted: Tensor


class MixtureLikelihood(BaseModel, extra="forbid", frozen=True):
    r"""Candidates with probability, position, photons, their standard deviations, and the background under them.

    With candidates k of probability p_k, position x_k +- s_k and photons n_k (1 +- r_k), the loss of an image with N
    emitters at t_i with photons m_i is

        - sum_i log sum_k (p_k / sum p) N(t_i; x_k, s_k^2 + b^2) N(log m_i; log n_k, r_k^2)^w  -  log P(N),

    where P is the Poisson-binomial distribution of the count and w is `photons_weight`. Emitters without known photons
    lack that factor. The blur b shrinks over the training: sharp Gaussians that miss would tear at a network that has
    just begun.
    """

    supported_dims: ClassVar[frozenset[int]] = frozenset({1, 2, 3})
    outputs: ClassVar[tuple[str, ...]] = (
        *("logit", "offset", "log_spread"),
        *("log_photons", "log_photons_spread", "log_background"),
    )
    default_decoder: ClassVar[str] = "pooled_mass"

    candidates: int = Field(default=1, ge=1, description="Candidates per output cell.")
    classes: int = Field(default=1, ge=1, description="Classes; they share the candidates' positions.")
    reach: float = Field(default=1.0, gt=0, description="How far a candidate may be from its cell's centre, in cells.")
    bias: float = Field(default=-3.0, description="Logit of every candidate before training.")
    least_spread: float = Field(default=0.02, gt=0, description="Least standard deviation of a position, pixels.")
    blur_px: Schedule = Field(
        default=Schedule(start=0.5, end=0.0, finish=0.7),
        description="Blur of every candidate in the loss, pixels.",
    )
    photons: float = Field(default=1000.0, gt=0, description="Photons of every candidate before training.")
    background: float = Field(default=20.0, gt=0, description="Photons per pixel under it before training.")
    photons_weight: float = Field(default=0.1, ge=0, le=1, description="Of photons and background beside positions.")
    count_weight: Schedule = Field(default=Schedule(start=1.0, end=1.0), description="Of the count likelihood.")

    def head(self, in_channels: int, *, dims: int, stride: int) -> nn.Module:
        return MixtureHead(in_channels, dims=dims, stride=stride, method=self)

    def target(self, points: Points, shape: tuple[int, ...]) -> MixtureTarget:
        """Emitters that lie within the image."""
        size = torch.tensor(shape, device=points.positions.device)
        inside = ((points.positions >= -0.5) & (points.positions <= size - 0.5)).all(dim=-1) & points.mask
        return MixtureTarget(points.positions, points.labels, _log(points.photons), _log(points.background), inside)

    def loss(
        self, maps: dict[str, Tensor], target: MixtureTarget, valid: Tensor, *, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Means over the batch of the negative log likelihoods of emitters and count, and of errors in background."""
        logit = maps["logit"]
        cells = logit.shape[3:]
        believed = cells_of(valid, cells)
        counted = target.counted & is_believed(valid, target.positions)
        log_p = functional.logsigmoid(logit).masked_fill(~believed[:, None, None], -math.inf)
        near = _Neighbours(self, maps, log_p, target, stride=valid.shape[1] // cells[0], blur=self.blur_px.at(progress))
        # Where all candidates around an emitter are hidden there is nothing to say about it.
        counted = counted & near.seen
        likelihood = torch.logsumexp(near.log_weight.masked_fill(~counted[..., None], 0.0), dim=2)
        terms = {"emitters": -(likelihood * counted).sum(dim=1).mean()}
        terms["background"] = self.photons_weight * (near.background_error * counted).sum(dim=1).mean()
        share = self.count_weight.at(progress)
        if share > 0:
            hidden = torch.full_like(logit, -math.inf)
            trials = torch.where(believed[:, None, None], logit, hidden).flatten(2).flatten(0, 1)
            classes = torch.arange(self.classes, device=logit.device)[:, None]
            counts = (counted[:, None] & (target.labels[:, None] == classes)).sum(dim=2).flatten()
            likelihoods = count_log_likelihood(trials, counts.to(logit.dtype))
            terms["count"] = -share * likelihoods.reshape(logit.shape[:2]).sum(dim=1).mean()
        return terms


class _Neighbours:
    """What the candidates around every emitter say of it.

    Attributes
    ----------
    log_weight
        (B, N, W), log of each candidate's term in the mixture; -inf for what is hidden or outside.
    seen
        (B, N), whether any candidate is left.
    background_error
        (B, N), squared error of the log background under it, weighted by whose emitter it is; 0 where unknown.
    """

    def __init__(
        self,
        method: MixtureLikelihood,
        maps: dict[str, Tensor],
        log_p: Tensor,
        target: MixtureTarget,
        *,
        stride: int,
        blur: float,
    ) -> None:
        cells, k = log_p.shape[3:], method.candidates
        positions = (target.positions - (stride - 1) / 2) / stride
        index, inside = windows_around(positions, cells, reach=math.ceil(method.reach + 0.5))  # (B, N, W)

        def at(values: Tensor) -> Tensor:
            """(B, \\*, \\*cells) in the windows: (B, N, W, \\*)."""
            flat = values.flatten(2)
            picked = flat.gather(2, index.flatten(1)[:, None].expand(-1, flat.shape[1], -1))
            return picked.reshape(*flat.shape[:2], *index.shape[1:]).permute(0, 2, 3, 1)

        dims = len(cells)
        by_axis = (*index.shape, k, dims)
        centre = at(cell_centres(cells, stride, log_p).expand(len(log_p), -1, *cells))
        place = at(maps["offset"].flatten(1, 2)).reshape(*by_axis) + centre[..., None, :]
        log_spread = at(maps["log_spread"].flatten(1, 2)).reshape(*by_axis)
        if blur > 0:
            log_spread = 0.5 * torch.logaddexp(2 * log_spread, torch.full_like(log_spread, 2 * math.log(blur)))
        away = (target.positions[:, :, None, None] - place) * torch.exp(-log_spread)
        density = -(0.5 * away.square() + log_spread + 0.5 * math.log(2 * math.pi)).sum(dim=-1)  # (B, N, W, K)

        # Candidates of the emitter's own class compete, as shares of what that class expects in the image.
        total = torch.logsumexp(log_p.flatten(2), dim=2)  # (B, C)
        share = at(log_p.flatten(1, 2)).reshape(*index.shape, method.classes, k)
        own = target.labels[:, :, None, None, None].expand(*share.shape[:3], 1, k)
        share = share.gather(3, own)[..., 0, :] - total.gather(1, target.labels)[..., None, None]
        self.seen = (torch.isfinite(share) & inside[..., None]).flatten(2).any(dim=2)
        density = density + share + method.photons_weight * self._photons(at, maps, target.log_photons)
        self.log_weight = density.masked_fill(~inside[..., None], -math.inf).flatten(2)

        whose = torch.softmax(self.log_weight.detach().masked_fill(~self.seen[..., None], 0.0), dim=2)
        error = at(maps["log_background"]) - torch.nan_to_num(target.log_background)[:, :, None, None]
        self.background_error = (whose * error.square().flatten(2)).sum(dim=2) * ~torch.isnan(target.log_background)

    def _photons(self, at: Any, maps: dict[str, Tensor], log_photons: Tensor) -> Tensor:
        """Log density (B, N, W, K) of the emitters' log photons; 0 where these are not known."""
        known = ~torch.isnan(log_photons)[..., None, None]
        log_spread = at(maps["log_photons_spread"])
        away = (torch.nan_to_num(log_photons)[..., None, None] - at(maps["log_photons"])) * torch.exp(-log_spread)
        density: Tensor = -(0.5 * away.square() + log_spread + 0.5 * math.log(2 * math.pi)) * known
        return density


class MixtureHead(nn.Module):
    r"""Features to the maps of the mixture: (B, classes, candidates, \*cells), (B, candidates, D, \*cells), ...

    Offsets are from the cell's centre and may reach into the neighbouring cells.
    """

    def __init__(self, in_channels: int, *, dims: int, stride: int, method: MixtureLikelihood) -> None:
        super().__init__()
        k = method.candidates
        self.classes, self.candidates, self.dims = method.classes, k, dims
        self.reach_px, self.least = method.reach * stride, method.least_spread
        self.log_photons, self.log_background = math.log(method.photons), math.log(method.background)
        self.sizes = [k * method.classes, k * dims, k * dims, k, k, k]
        self.layer = convolution(dims)(in_channels, sum(self.sizes), 3, padding=1)
        with torch.no_grad():
            self.layer.bias.zero_()
            self.layer.bias[: k * method.classes] = method.bias

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        values = self.layer(features).float()  # coordinates are float32 whatever the network's precision
        cells = values.shape[2:]
        logit, offset, spread, photons, photons_spread, background = values.split(self.sizes, dim=1)
        by_axis = (-1, self.candidates, self.dims, *cells)
        return {
            "logit": logit.reshape(-1, self.classes, self.candidates, *cells),
            "offset": self.reach_px * torch.tanh(offset).reshape(by_axis),
            "log_spread": torch.log(functional.softplus(spread - 0.5) + self.least).reshape(by_axis),
            "log_photons": self.log_photons + photons,
            "log_photons_spread": torch.log(functional.softplus(photons_spread - 0.5) + _LEAST_RELATIVE_SPREAD),
            "log_background": self.log_background + background,
        }


def _log(values: Tensor) -> Tensor:
    """Logarithm of what is known and above 0, else NaN."""
    return torch.log(values.masked_fill(values <= 0, math.nan))
