"""Devices in words."""

from __future__ import annotations

import pytest
import torch

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.inference import choose_device, describe_device, devices


def test_the_processor_as_chosen() -> None:
    assert describe_device("cpu").startswith("Computes on the processor (")
    assert describe_device("cpu").endswith(", as chosen.")


@pytest.mark.skipif(choose_device("auto").type != "cpu", reason="there is a graphics card here")
def test_the_processor_for_want_of_a_graphics_card() -> None:
    words = describe_device()
    assert "processor" in words
    assert "not on a graphics card: " in words


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card here")
def test_a_graphics_card() -> None:
    assert torch.cuda.get_device_name() in describe_device()
    with pytest.raises(PinpointError, match="counted from 0"):
        choose_device("cuda:99")


def test_a_card_that_this_torch_was_not_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None, raising=False)
    monkeypatch.setattr(devices.shutil, "which", lambda name: f"/usr/bin/{name}")
    if not torch.backends.mps.is_available():
        assert "pytorch.org" in describe_device()
        assert choose_device("auto").type == "cpu"
    with pytest.raises(PinpointError, match=r"not available here.*installed without support"):
        choose_device("cuda")


def test_a_card_that_fails_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card too old for this torch is there, but no kernel runs on it."""

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nMore.")

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "GeForce GTX 1080")
    monkeypatch.setattr(torch, "ones", fail)
    assert choose_device("auto").type != "cuda"
    with pytest.raises(PinpointError, match=r"GeForce GTX 1080 does not work.*no kernel image"):
        choose_device("cuda")
