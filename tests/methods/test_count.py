"""The Poisson-binomial likelihood against brute force, in its tails and on large images."""

from __future__ import annotations

import math

import pytest
import torch

from napari_pinpoint.methods.count import count_log_likelihood


def by_recursion(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities of all counts, one candidate after the other (the paper's recursion, without truncation)."""
    distribution = torch.zeros(len(logits) + 1, dtype=torch.float64)
    distribution[0] = 1
    for p in torch.sigmoid(logits):
        distribution = distribution * (1 - p) + torch.cat([torch.zeros(1), distribution[:-1]]) * p
    return distribution


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_equals_brute_force_at_every_count(n: int) -> None:
    logits = 3 * torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    counts = torch.arange(n + 1)
    found = count_log_likelihood(logits.expand(n + 1, n), counts)
    torch.testing.assert_close(found, by_recursion(logits).log(), rtol=1e-7, atol=1e-7)


def test_tails_keep_their_digits() -> None:
    """Forty fair coins that all fall the same way: 2^-40 is far below what a plain Fourier sum resolves in float32."""
    logits = torch.zeros(2, 40)
    found = count_log_likelihood(logits, torch.tensor([0, 40]))
    torch.testing.assert_close(found, torch.full((2,), -40 * math.log(2)), rtol=1e-5, atol=0)


def test_gradient() -> None:
    logits = torch.randn(3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: count_log_likelihood(x, torch.tensor([0, 2, 6])), (logits,))


def test_a_large_image_is_stable_in_float32() -> None:
    """A quarter million candidates, a count far from what they expect: finite, and pushing the right way."""
    logits = torch.full((1, 512 * 512), -8.0, requires_grad=True)
    found = count_log_likelihood(logits, torch.tensor([5000]))
    found.backward()
    assert torch.isfinite(found).all()
    assert bool((logits.grad > 0).all())


def test_candidates_that_are_hidden_do_not_count() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0, -math.inf, -math.inf]], dtype=torch.float64)
    found = count_log_likelihood(logits, torch.tensor([2]))
    torch.testing.assert_close(found, by_recursion(logits[0, :3])[2:3].log())


def test_more_points_than_candidates_is_taken_as_all_of_them() -> None:
    logits = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(
        count_log_likelihood(logits, torch.tensor([7])), count_log_likelihood(logits, torch.tensor([2]))
    )
