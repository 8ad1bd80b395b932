"""What every registered method keeps, in every dimension that it supports and on every backbone."""

from __future__ import annotations

import itertools

import pytest
import torch

from napari_pinpoint.localizations import Localizations
from napari_pinpoint.methods import METHODS
from napari_pinpoint.methods.points import Points, points_of
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.networks import BACKBONES
from napari_pinpoint.registry import Part

SHAPES = {1: (32,), 2: (16, 16), 3: (8, 8, 8)}
CASES = [(name, dims) for name in METHODS for dims in sorted(METHODS[name].supported_dims)]


def build(method: str, dims: int, backbone: str = "unet") -> Localizer:
    torch.manual_seed(0)
    options = {"widths": [8, 8]} if backbone == "unet" else {}
    spec = ModelSpec(
        name="contract", method=Part(name=method), backbone=Part(name=backbone, options=options), dims=dims
    )
    return Localizer(spec)


def points_in(dims: int, n: int, *, batch: int = 2, shift: int = 0) -> Points:
    """`n` points in each of `batch` images, at least two pixels from the border."""
    random = torch.Generator().manual_seed(1)
    size = torch.tensor(SHAPES[dims])
    positions = 2 + torch.rand(batch, n, dims, generator=random) * (size - 5) + shift
    mask = torch.ones(batch, n, dtype=torch.bool)
    return Points(positions, mask, torch.zeros(batch, n, dtype=torch.long), torch.full((batch, n), 1000.0))


def images_of(points: Points, dims: int) -> torch.Tensor:
    """Images with a Gaussian at each point."""
    axes = [torch.arange(n, dtype=torch.float32) for n in SHAPES[dims]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    distance = (grid[None, None] - points.positions.reshape(*points.positions.shape, *[1] * dims)).square().sum(dim=2)
    return (torch.exp(-distance / 2) * points.mask.reshape(*points.mask.shape, *[1] * dims)).sum(dim=1, keepdim=True)


def loss_of(model: Localizer, images: torch.Tensor, points: Points, progress: float = 0.7) -> torch.Tensor:
    shape = tuple(images.shape[2:])
    valid = torch.ones((len(images), *shape), dtype=torch.bool)
    terms = model.method.loss(model(images), model.method.target(points, shape), valid, progress=progress)
    return sum(terms.values(), torch.zeros(()))


@pytest.mark.parametrize("backbone", BACKBONES.names())
@pytest.mark.parametrize(("method", "dims"), CASES)
def test_maps_are_named_and_gradients_finite(method: str, dims: int, backbone: str) -> None:
    model, points = build(method, dims, backbone), points_in(dims, 3)
    images = images_of(points, dims)
    assert set(model(images)) == set(model.method.outputs)
    loss_of(model, images, points).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize(("method", "dims"), CASES)
def test_it_can_learn_a_batch_by_heart(method: str, dims: int) -> None:
    model = build(method, dims)
    far = [n - 3.6 for n in SHAPES[dims]]
    positions = torch.tensor([[[2.3] * dims, far], [[2.8] * dims, [value + 0.5 for value in far]]])
    n = getattr(model.decoder, "most_points", 2)  # where there is no more than one object, there is one
    positions = positions[:, :n]
    points = Points(positions, torch.ones(2, n, dtype=torch.bool), torch.zeros(2, n).long(), torch.full((2, n), 1e3))
    images = images_of(points, dims)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)  # as every training ends
    for step in range(300):
        optimizer.zero_grad()
        loss_of(model, images, points, progress=step / 300).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.inference_mode():
        found = model.decode(model.eval()(images)).localizations
    index = found["trace" if dims == 1 else "frame"]
    assert sorted(index) == [0] * n + [1] * n
    for image, positions in enumerate(points.positions):
        here = found.select(index == image)
        names = {1: ("t",), 2: ("y", "x"), 3: ("z", "y", "x")}[dims]
        place = torch.stack([torch.tensor(here[name]) for name in names], dim=1).float()
        assert float(torch.cdist(positions, place).amin(dim=1).max()) < getattr(model.method, "precision_px", 0.3)


@pytest.mark.parametrize(("method", "dims"), CASES)
def test_a_shift_by_whole_cells_shifts_the_answer(method: str, dims: int) -> None:
    """Shifting image and points by the backbone's grid leaves the loss as it is, up to what the border sees."""
    model = build(method, dims, "plain")
    shift = model.grid
    near, far = points_in(dims, 2), points_in(dims, 2, shift=shift)
    images, moved = images_of(near, dims), images_of(far, dims)
    here, there = model(images), model(moved)
    margin = tuple(slice(4, n - 4 - shift) for n in SHAPES[dims])
    away = tuple(slice(4 + shift, n - 4) for n in SHAPES[dims])
    if min(SHAPES[dims]) <= 8 + shift:  # nothing of so small a volume is free of its border
        return
    for name in here:
        torch.testing.assert_close(here[name][(..., *margin)], there[name][(..., *away)], atol=5e-3, rtol=0)


@pytest.mark.parametrize(("method", "dims"), CASES)
def test_the_order_of_the_truth_changes_nothing(method: str, dims: int) -> None:
    model, points = build(method, dims), points_in(dims, 4)
    order = torch.tensor([2, 0, 3, 1])
    shuffled = Points(points.positions[:, order], points.mask, points.labels, points.photons)
    images = images_of(points, dims)
    assert loss_of(model, images, points).item() == pytest.approx(loss_of(model, images, shuffled).item(), rel=1e-5)


@pytest.mark.parametrize(("method", "dims"), CASES)
@pytest.mark.parametrize("n", [0, 300])
def test_no_points_and_many(method: str, dims: int, n: int) -> None:
    model = build(method, dims)
    if n:
        points = points_in(dims, n, batch=1)
    else:
        points, _ = points_of(Localizations.empty(["z", "t"]), n_frames=1, shape=SHAPES[dims])
    loss = loss_of(model, torch.zeros(1, 1, *SHAPES[dims]), points)
    loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.parametrize(("method", "dims"), CASES)
def test_what_valid_hides_has_no_influence(method: str, dims: int) -> None:
    """Points and maps on the hidden half may be anything; the maps of the other half lie within their cells."""
    model, shape = build(method, dims), SHAPES[dims]
    maps = {name: torch.zeros_like(values) - 1 for name, values in model(torch.zeros(1, 1, *shape)).items()}
    maps["offset"] = torch.zeros_like(maps["offset"]) if "offset" in maps else torch.zeros(0)
    half = shape[0] // 2
    valid = torch.ones(1, *shape, dtype=torch.bool)
    valid[:, half:] = False
    inside = [[half / 2.0] * dims]
    losses = []
    for hidden_map, hidden_points in itertools.product((-1.0, 3.0), ([], [[half + 2.0] * dims])):
        changed = {name: values.clone() for name, values in maps.items() if values.numel()}
        for values in changed.values():
            values[(..., slice(half, None), *[slice(None)] * (dims - 1))] = hidden_map
        positions = torch.tensor([inside + hidden_points])
        n = positions.shape[1]
        points = Points(
            positions,
            torch.ones(1, n, dtype=torch.bool),
            torch.zeros(1, n, dtype=torch.long),
            torch.full((1, n), 1000.0),
        )
        terms = model.method.loss(changed, model.method.target(points, shape), valid)
        losses.append(sum(terms.values()).item())
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-5)
