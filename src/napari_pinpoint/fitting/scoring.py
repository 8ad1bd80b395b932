"""Fisher scoring with the damping of Levenberg and Marquardt, within limits, for many small problems at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_pinpoint.fitting.likelihood import Evaluated, Patches, evaluate, n_emitters

#: Steps at most; good starts need five.
STEPS = 40
#: A fit has converged where the next step promises less than this of the deviance for each of its emitters: some
#: thousandths of a standard error. Where it does not, parameters that would go on by more standard errors than `_STILL`
#: are moving.
_PROMISE, _STILL = 1e-5, 0.1
_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-3, 1e-7, 1e7
#: What rounding may do to the deviance.
_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class Fitted:
    """Half the deviance (G,) at the minimum, parameters (G, P) and information (G, P, P) there; what moves (G, P)."""

    deviance: Tensor
    parameters: Tensor
    information: Tensor
    moving: Tensor

    def store(self, rows: Tensor, other: Fitted, which: Tensor) -> None:
        """Replace these rows by some of another fit."""
        for name, values in vars(self).items():
            values[rows] = getattr(other, name)[which]


def minimize(start: Tensor, patches: Patches, lower: Tensor, upper: Tensor) -> Fitted:
    """Parameters of least deviance between `lower` and `upper`, all (G, P), from `start`.

    Parameters at a limit that they would leave stay there, and the others move as if they were known. A step that makes
    the fit worse is taken back, and the next one is shorter.
    """
    best = start.clamp(lower, upper)
    now = evaluate(best, patches)
    result = Fitted(
        now.deviance.clone(), best.clone(), now.information.clone(), torch.zeros_like(best, dtype=torch.bool)
    )
    promised = _PROMISE * n_emitters(best)
    damping = torch.full_like(best[:, 0], _DAMPING)
    rows = torch.arange(len(best), device=best.device)
    for _ in range(STEPS):
        trial, promise = _step(best, now, damping, lower, upper)
        done = ((promise < promised) & (damping <= 1)) | (damping > _MOST_DAMPING)
        if bool(done.any()):
            _store(result, rows, best, now, lower, upper)
            going = (~done).nonzero()[:, 0]
            if len(going) == 0:
                return result
            rows, damping, best, trial = rows[going], damping[going], best[going], trial[going]
            lower, upper, patches = lower[going], upper[going], patches.take(going)
            now = Evaluated(now.deviance[going], now.descent[going], now.information[going])
        then = evaluate(trial, patches)
        better = then.deviance <= now.deviance + _SLACK  # not where it is NaN
        best = torch.where(better[:, None], trial, best)
        now = Evaluated(
            torch.where(better, then.deviance, now.deviance),
            torch.where(better[:, None], then.descent, now.descent),
            torch.where(better[:, None, None], then.information, now.information),
        )
        damping = torch.where(better, (damping * 0.1).clamp(min=_LEAST_DAMPING), (damping * 10).clamp(min=1e-2))
    _store(result, rows, best, now, lower, upper)
    return result


def _store(result: Fitted, rows: Tensor, best: Tensor, now: Evaluated, lower: Tensor, upper: Tensor) -> None:
    """Keep what was reached; moving is what the next step, hardly damped, would move."""
    further, _ = _step(best, now, torch.full_like(best[:, 0], _DAMPING), lower, upper)
    errors = (further - best).abs() * torch.diagonal(now.information, dim1=1, dim2=2).sqrt()
    result.deviance[rows] = now.deviance
    result.parameters[rows] = best
    result.information[rows] = now.information
    result.moving[rows] = ~(errors < _STILL)


def _step(best: Tensor, now: Evaluated, damping: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Where to go next (G, P), and what that promises of the deviance (G,)."""
    descent = now.descent
    held = ((best <= lower) & (descent < 0)) | ((best >= upper) & (descent > 0))
    held |= torch.diagonal(now.information, dim1=1, dim2=2) <= 0
    descent = torch.where(held, torch.zeros_like(descent), descent)
    scale = torch.diagonal(now.information, dim1=1, dim2=2).clamp(min=1e-30).rsqrt()
    free = (~held).to(best.dtype) * scale
    matrix = now.information * free[:, :, None] * free[:, None, :]
    ones = torch.where(held, torch.ones_like(best), damping[:, None])
    matrix = matrix + torch.diag_embed(ones)
    root, failed = torch.linalg.cholesky_ex(matrix)
    step = torch.cholesky_solve((descent * scale)[:, :, None], root)[:, :, 0] * scale
    usable = (failed == 0)[:, None] & step.isfinite().all(dim=1, keepdim=True)
    step = torch.where(usable, step, torch.full_like(step, torch.nan))
    return (best + step).clamp(lower, upper), (descent * step).sum(dim=1)
