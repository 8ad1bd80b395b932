"""One code for numpy and torch: the array library of what a function is given.

`psf`, `Camera` and the scenes run on numpy arrays and on torch tensors, also on a GPU, without importing torch:
whoever passes a tensor has imported it already.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or torch.Tensor: neither can be named without importing torch
Rng = Any  # numpy.random.Generator or torch.Generator


def is_torch(value: object) -> bool:
    """Whether `value` belongs to torch (a tensor or a generator)."""
    return type(value).__module__.partition(".")[0] == "torch"


def library(value: object) -> Any:
    """The module `numpy` or `torch` that `value` (an array or a random generator) belongs to."""
    return sys.modules["torch"] if is_torch(value) else np


def asarray_like(values: Any, like: Array) -> Array:
    """`values` as an array of the library, device and dtype of `like`."""
    if is_torch(like):
        return sys.modules["torch"].as_tensor(values, device=like.device, dtype=like.dtype)
    return np.asarray(values, dtype=like.dtype)


def numpy_generator(rng: Rng) -> np.random.Generator:
    """A numpy generator: `rng` itself, or one seeded from a torch generator (and so repeatable with it)."""
    if isinstance(rng, np.random.Generator):
        return rng
    torch = library(rng)
    seed = torch.randint(2**62, (1,), generator=rng, device=rng.device)
    return np.random.default_rng(int(seed))


def poisson(rng: Rng, mean: Array) -> Array:
    """Poisson counts of the given mean, in the dtype of `mean`."""
    if is_torch(mean):
        return library(mean).poisson(mean, generator=rng)
    return rng.poisson(mean).astype(mean.dtype)


def gamma(rng: Rng, shape: Array) -> Array:
    """Gamma variates of scale 1; a shape of zero gives zero."""
    if is_torch(shape):
        torch = library(shape)
        drawn = torch._standard_gamma(shape.clamp(min=1e-6), generator=rng)
        return torch.where(shape > 0, drawn, torch.zeros_like(drawn))
    return rng.standard_gamma(shape, dtype=shape.dtype)


def normal(rng: Rng, like: Array) -> Array:
    """Standard normal variates of the shape, dtype and device of `like`."""
    if is_torch(like):
        return library(like).randn(like.shape, generator=rng, dtype=like.dtype, device=like.device)
    return rng.standard_normal(like.shape, dtype=like.dtype)
