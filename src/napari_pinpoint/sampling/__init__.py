"""Sampling: what a training draws its batches from."""

from napari_pinpoint.sampling.annotated import DatasetSource, StackSource, hold_out, hold_out_covered
from napari_pinpoint.sampling.batches import Batch, MixedSource, SampleSource, SceneSource
from napari_pinpoint.sampling.windows import AnnotatedFrame, WindowSource

__all__ = [
    "AnnotatedFrame",
    "Batch",
    "DatasetSource",
    "MixedSource",
    "SampleSource",
    "SceneSource",
    "StackSource",
    "WindowSource",
    "hold_out",
    "hold_out_covered",
]
