"""How many of many: the Poisson-binomial likelihood of a count."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

#: Logits are moved at most this far when the distribution is tilted to the observed count.
_LARGEST_TILT = 40.0
#: Candidates below this probability are summed by a series of this many terms: each then errs by less than 1e-9.
_UNLIKELY = 0.06
_TERMS = 8


def count_log_likelihood(logits: Tensor, counts: Tensor) -> Tensor:
    r"""Log probability that exactly `counts` of independent candidates are true.

    The number of successes of independent Bernoulli trials is Poisson-binomial. Its probability at N is a Fourier sum,
    which loses all digits in the tails. Tilting every logit by the same theta multiplies the probability of N by the
    known factor exp(K(theta) - theta N), where K is the cumulant generating function; with theta chosen so that the
    tilted mean is N, the sum runs over the middle of a distribution and is exact in every tail, for ten candidates or
    a million. (Exponential tilting: Daniels, Ann. Math. Stat. 25, 631, 1954; Fourier sum: Hong, Comput. Stat. Data
    Anal. 59, 41, 2013.)

    Parameters
    ----------
    logits
        (B, n), any real numbers; -inf is a candidate that is never true.
    counts
        (B,), observed counts; a count above the number of candidates that can be true is taken as that number.

    Returns
    -------
    (B,) log probabilities, at most 0; differentiable with respect to `logits`.
    """
    possible = torch.isfinite(logits)
    logits = torch.where(possible, logits, torch.full_like(logits, -100.0))
    counts = torch.minimum(counts.to(logits.dtype), possible.sum(dim=1).to(logits.dtype))
    with torch.no_grad():
        tilt = _tilt_to_mean(logits, counts)
        tilted = torch.sigmoid(logits + tilt[:, None])
        deviation = float((tilted * (1 - tilted)).sum(dim=1).max().clamp(min=0).sqrt())
    cumulant = (functional.softplus(logits + tilt[:, None]) - functional.softplus(logits)).sum(dim=1)
    return cumulant - tilt * counts + _log_probability_of_mean(logits + tilt[:, None], counts, deviation)


def _tilt_to_mean(logits: Tensor, counts: Tensor) -> Tensor:
    """(B,) theta with sum of sigmoid(logits + theta) = counts, by Newton steps kept inside a bisection's bracket."""
    low = torch.full_like(counts, -_LARGEST_TILT)
    high = torch.full_like(counts, _LARGEST_TILT)
    tilt = torch.zeros_like(counts)
    for _ in range(60):
        p = torch.sigmoid(logits + tilt[:, None])
        excess = p.sum(dim=1) - counts
        if bool((excess.abs() < 1e-3).all()):  # any theta is exact: this one only has to be near
            break
        high = torch.where(excess > 0, tilt, high)
        low = torch.where(excess < 0, tilt, low)
        step = tilt - excess / (p * (1 - p)).sum(dim=1).clamp(min=1e-12)
        tilt = torch.where((step > low) & (step < high), step, (low + high) / 2)
    return tilt


def _log_probability_of_mean(logits: Tensor, counts: Tensor, deviation: float) -> Tensor:
    """Log probability of `counts` for candidates whose expected number is about `counts`, by a Fourier sum.

    With M frequencies counts alias modulo M; what lies more than six deviations away is below 1e-8. Few candidates
    are likely; the many others enter through the sums of their powers, so that cost hardly grows with the image.
    """
    n = logits.shape[1]
    frequencies = min(n + 1, 2 * math.ceil(6 * deviation) + 9)
    # The characteristic function at -w is the conjugate of that at w: half of them are enough.
    index = torch.arange(1, frequencies // 2 + 1, device=logits.device, dtype=logits.dtype)
    omega = 2 * math.pi * index / frequencies
    p = torch.sigmoid(logits)
    likely = torch.topk(p, int((p > _UNLIKELY).sum(dim=1).max()), dim=1)
    log_magnitude, phase = _sum_of_series(p.scatter(1, likely.indices, 0.0), omega)
    few, versine = likely.values[:, :, None], 1 - torch.cos(omega)
    # |1 + p (exp(i w) - 1)|^2 = 1 - 2 p (1 - p) (1 - cos w); it is 0 for a fair coin at w = pi.
    lost = (2 * few * (1 - few) * versine).clamp(max=1 - 1e-12)
    log_magnitude = log_magnitude + 0.5 * torch.log1p(-lost).sum(dim=1)
    phase = phase + torch.atan2(few * torch.sin(omega), 1 - few * versine).sum(dim=1) - omega * counts[:, None]
    weight = torch.full_like(index, 2.0)
    if frequencies % 2 == 0:
        weight[-1] = 1.0  # the frequency pi is its own conjugate
    probability = (1 + (weight * torch.exp(log_magnitude) * torch.cos(phase)).sum(dim=1)) / frequencies
    return torch.log(probability.clamp(min=1e-30))


def _sum_of_series(p: Tensor, omega: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of sum_i log(1 + p_i (exp(i w) - 1)), each (B, frequencies), for small p (B, n)."""
    step = torch.polar(torch.ones_like(omega), omega) - 1
    real = torch.zeros(p.shape[0], len(omega), dtype=p.dtype, device=p.device)
    imaginary = torch.zeros_like(real)
    power = torch.ones_like(p)
    for order in range(1, _TERMS + 1):
        power = power * p
        moment = power.sum(dim=1, keepdim=True) * ((-1) ** (order + 1) / order)
        factor = step**order
        real = real + moment * factor.real
        imaginary = imaginary + moment * factor.imag
    return real, imaginary
