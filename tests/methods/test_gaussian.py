"""Gaussian heat-map regression: its choices by name, what is believed, and how precise it can be."""

from __future__ import annotations

import itertools

import pytest
import torch

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.methods.gaussian import GaussianHeatmap
from napari_pinpoint.methods.heatmaps import GaussianTarget
from napari_pinpoint.methods.losses import LOSSES
from napari_pinpoint.methods.points import Points
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part


def points_at(*positions: list[float], labels: list[int] | None = None) -> Points:
    """Points of one image."""
    n = len(positions)
    labels = labels or [0] * n
    return Points(
        torch.tensor(positions)[None], torch.ones(1, n, dtype=torch.bool), torch.tensor([labels]), torch.ones(1, n)
    )


def everywhere(*shape: int) -> torch.Tensor:
    return torch.ones(1, *shape, dtype=torch.bool)


@pytest.mark.parametrize("loss", LOSSES.names())
@pytest.mark.parametrize("combine", ["sum", "max", "union"])
def test_every_loss_falls_on_every_target(loss: str, combine: str) -> None:
    """The heat map alone, as free numbers: it becomes a peak at each of two points."""
    method = GaussianHeatmap(
        loss_function=loss, target_map=Part(name="gaussian", options={"combine": combine, "sigma_px": 0.8})
    )
    points, shape = points_at([3.2, 4.4], [8.0, 9.3]), (12, 14)
    heat = torch.full((1, 1, *shape), -2.0, requires_grad=True)
    optimizer = torch.optim.Adam([heat], lr=0.3)
    first = None
    for _ in range(60):
        terms = method.loss({"heat": heat}, method.target(points, shape), everywhere(*shape))
        first = first or terms["heat"].item()
        optimizer.zero_grad()
        terms["heat"].backward()
        optimizer.step()
    assert set(terms) == {"heat"}
    share = method._target_of(points, shape, stride=1, classes=1)
    share = share / share.sum()
    floor = -torch.special.xlogy(share, share).sum().item() if loss == "softmax" else 0.0  # the target's own entropy
    assert terms["heat"].item() - floor < 0.6 * (first - floor)
    assert heat[0, 0, 3, 4] > 0 < heat[0, 0, 8, 9]
    assert heat[0, 0, 0, 0] < -2


def test_hidden_points_glow_nowhere_and_hidden_cells_do_not_count() -> None:
    """A hidden point one pixel from what is believed; its Gaussian must not reach over."""
    method, shape = GaussianHeatmap(), (10, 10)
    valid = everywhere(*shape)
    valid[..., 5:] = False
    losses = []
    for hidden, more in itertools.product((-4.0, 4.0), ([], [[4.0, 5.4]])):
        heat = torch.zeros(1, 1, *shape)
        heat[..., 5:] = hidden
        points = points_at([2.0, 2.0], *more)
        losses.append(method.loss({"heat": heat}, method.target(points, shape), valid)["heat"].item())
    assert losses == [losses[0]] * 4


def test_classes_have_maps_of_their_own() -> None:
    method, shape = GaussianHeatmap(classes=2), (8, 8)
    points = points_at([2.0, 2.0], [5.0, 5.0], labels=[0, 1])
    right = torch.logit(GaussianTarget()(points, shape, stride=1, classes=2), eps=1e-6)
    target, valid = method.target(points, shape), everywhere(*shape)
    assert (
        method.loss({"heat": right}, target, valid)["heat"]
        < method.loss({"heat": right.flip(1)}, target, valid)["heat"]
    )


def test_coarse_cells_look_at_the_same_place() -> None:
    """At stride 4 the cell that holds the point is asked to be highest."""
    method, shape = GaussianHeatmap(target_map=Part(name="gaussian", options={"sigma_px": 4.0})), (32, 32)
    heat = torch.zeros(1, 1, 8, 8, requires_grad=True)
    method.loss({"heat": heat}, method.target(points_at([13.0, 22.0]), shape), everywhere(*shape))["heat"].backward()
    assert divmod(int(heat.grad.argmin()), 8) == (3, 5)


def test_positions_are_found_between_pixels() -> None:
    """A small network, images of Gaussians: what it says is far nearer than the nearest pixel (0.29 px an axis)."""
    torch.manual_seed(0)
    spec = ModelSpec(
        name="test",
        method=Part(name="gaussian"),
        backbone=Part(name="plain", options={"widths": [16, 16], "kernels": [5, 3]}),
    )
    model, random = Localizer(spec), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def images() -> tuple[torch.Tensor, Points]:
        places = 4 + 8 * torch.rand(32, 1, 2, generator=random)
        ones = torch.ones(32, 1)
        points = Points(places, ones.bool(), ones.long() - 1, ones)
        return GaussianTarget(sigma_px=1.3)(points, (16, 16), stride=1, classes=1), points

    valid = torch.ones(32, 16, 16, dtype=torch.bool)
    for _ in range(150):
        inputs, points = images()
        terms = model.method.loss(model(inputs), model.method.target(points, (16, 16)), valid)
        optimizer.zero_grad()
        terms["heat"].backward()
        optimizer.step()
    inputs, points = images()
    with torch.inference_mode():
        table = model.decode(model(inputs)).localizations
    assert table["frame"].tolist() == list(range(32))
    place = torch.stack([torch.tensor(table["y"]), torch.tensor(table["x"])], dim=1)
    assert float((place - points.positions[:, 0]).square().mean().sqrt()) < 0.08


@pytest.mark.parametrize("option", ["loss_function", "target_map"])
def test_what_does_not_exist_is_refused_when_the_model_is_built(option: str) -> None:
    with pytest.raises(PinpointError, match="nothing_such"):
        Localizer(ModelSpec(name="test", method=Part(name="gaussian", options={option: "nothing_such"})))
