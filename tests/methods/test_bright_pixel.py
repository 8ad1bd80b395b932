"""BrightPixel: the published target, loss and last layer."""

from __future__ import annotations

import pytest
import torch

from napari_pinpoint.methods.bright_pixel import BrightPixel
from napari_pinpoint.methods.points import Points
from napari_pinpoint.model import Localizer, ModelSpec
from napari_pinpoint.registry import Part

POINT = Points(
    torch.tensor([[[4.0, 7.0]]]), torch.ones(1, 1, dtype=torch.bool), torch.zeros(1, 1).long(), torch.ones(1, 1)
)
VALID = torch.ones(1, 12, 10, dtype=torch.bool)


def test_it_is_learned_by_the_squared_error_of_a_gaussian_of_1_8_px() -> None:
    method, logit = BrightPixel(), torch.full((1, 1, 12, 10), 0.3)
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(10.0), indexing="ij")
    wanted = torch.exp(-((y - 4) ** 2 + (x - 7) ** 2) / (2 * 1.8**2))
    terms = method.loss({"heat": logit}, method.target(POINT, (12, 10)), VALID)
    assert list(terms) == ["heat"]
    assert terms["heat"].item() == pytest.approx(
        (torch.sigmoid(torch.tensor(0.3)) - wanted).square().mean().item(), rel=1e-5
    )


def test_the_last_layer_sees_one_pixel() -> None:
    head = BrightPixel(bias=-2.0).head(3, dims=2, stride=1)
    features = torch.zeros(1, 3, 5, 5)
    assert (head(features)["heat"] == -2).all()
    features[0, :, 2, 3] = 1.0
    changed = torch.nonzero(head(features)["heat"][0, 0] != -2)
    assert changed.tolist() == [[2, 3]]


def test_one_point_for_each_class() -> None:
    model = Localizer(ModelSpec(name="two", method=Part(name="bright_pixel"), classes=("dim", "bright")))
    heat = torch.full((2, 2, 16, 16), -9.0)
    heat[0, 0, 3, 4] = heat[0, 1, 8, 9] = heat[1, 1, 5, 6] = 3.0
    found = model.decode({"heat": heat}).localizations
    assert found["frame"].tolist() == [0, 0, 1]
    assert list(found["label"]) == ["dim", "bright", "bright"]
