"""Two localizations for one emitter: whether the pixels need the second one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from napari_pinpoint.fitting.likelihood import Patches, n_emitters
from napari_pinpoint.fitting.scoring import Fitted

#: What each emitter less may cost of half the deviance. Measured: of 2,400 bright emitters that a model had split, 13
#: stayed so at 6, one at 9, none at 12; of true pairs 1.5 px apart, 3,000 photons each, 99 % are kept at any of them.
COST = 10.0
#: The width of what remains may differ by this factor from that of the stack.
SAME_WIDTH = 1.25

#: Fits some of the parts (indices into the block), from given parameters, whose patches say which emitters exist.
Refit = Callable[[Tensor, Tensor, Patches], Fitted]


def without_redundant(
    fitted: Fitted, patches: Patches, given: Tensor, refit: Refit, *, within: float, psf_sigma: float
) -> tuple[Fitted, Patches]:
    """The fit and the patches in which emitters that the pixels do not ask for exist no longer.

    Emitters that started near to each other form a knot. Of each knot only the one nearest to its centre of light is
    left, and all is fitted again; that stands where it costs less than `COST` for each one that was left out. A width
    that is free along each axis could hide a second emitter, so that the round one is asked for: the difference of the
    two widths, in standard errors e, adds e^2 / 2 to the cost.

    Parameters
    ----------
    given
        Parameters (G, P) where the fit started.
    within
        Emitters of a knot started no further apart than this from the next one, in pixels.
    """
    k = n_emitters(given)
    places = torch.stack([given[:, :k], given[:, k : 2 * k]], dim=2)
    knot = _knots(places, patches.exists, within)
    size = (knot[:, :, None] == knot[:, None]).sum(dim=2) * (patches.exists > 0)
    for number in range(k):
        members = (knot == number) & (size > 1)
        rows = members.any(dim=1).nonzero()[:, 0]
        if len(rows) == 0:
            continue
        members, here = members[rows], places[rows]
        start, exists = given[rows].clone(), patches.exists[rows].clone()
        light = members * fitted.parameters[rows, 2 * k : 3 * k].clamp(min=1e-6)
        centre = (light[:, :, None] * here).sum(dim=1) / light.sum(dim=1, keepdim=True)
        away = torch.linalg.vector_norm(here - centre[:, None], dim=2)
        kept = torch.where(members, away, torch.full_like(away, torch.inf)).argmin(dim=1)
        exists[members] = 0
        each = torch.arange(len(rows), device=rows.device)
        exists[each, kept], start[each, kept], start[each, kept + k] = 1, centre[:, 0], centre[:, 1]
        trial = refit(rows, start, replace(patches.take(rows), exists=exists))
        cost = trial.deviance - fitted.deviance[rows] + _oblong(trial) / 2
        widths = (trial.parameters[:, -2:] / psf_sigma).log().abs().amax(dim=1)
        good = (cost < COST * (members.sum(dim=1) - 1)) & (widths < math.log(SAME_WIDTH))
        patches.exists[rows[good]] = exists[good]
        fitted.store(rows[good], trial, good)
    return fitted, patches


def _knots(places: Tensor, exists: Tensor, within: float) -> Tensor:
    """Number of the knot that each emitter is in, (G, K): the least index among those it is connected with."""
    k = exists.shape[1]
    near = torch.linalg.vector_norm(places[:, :, None] - places[:, None], dim=3) < within
    near &= (exists[:, :, None] * exists[:, None]) > 0
    near |= torch.eye(k, dtype=torch.bool, device=places.device)
    reached = near.to(places.dtype)
    for _ in range(max(1, (k - 1).bit_length())):
        reached = ((reached @ reached) > 0).to(places.dtype)
    first: Tensor = reached.argmax(dim=2)
    return first


def _oblong(fitted: Fitted) -> Tensor:
    """Squared difference of the two widths in squares of its standard error, (G,)."""
    difference = fitted.parameters[:, -2] - fitted.parameters[:, -1]
    information = torch.diagonal(fitted.information, dim1=1, dim2=2)[:, -2:]
    squared: Tensor = difference**2 / (1 / information.clamp(min=1e-12)).sum(dim=1)
    return squared
