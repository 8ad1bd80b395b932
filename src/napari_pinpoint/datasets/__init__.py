"""Datasets: folders of annotated images, in the formats that other programs write.

A format turns its own convention into ours (pixels, the centre of the first pixel is 0) and nothing else; what every
dataset has to stand (boxes without area, points outside of their image) is dealt with once, in `read_dataset`.
"""

from napari_pinpoint.datasets.dataset import Dataset, Sample
from napari_pinpoint.datasets.frames import AsFrames, as_frames, one_after_another
from napari_pinpoint.datasets.reading import DATASETS, DatasetFormat, read_dataset, write_dataset

__all__ = [
    "DATASETS",
    "AsFrames",
    "Dataset",
    "DatasetFormat",
    "Sample",
    "as_frames",
    "one_after_another",
    "read_dataset",
    "write_dataset",
]
