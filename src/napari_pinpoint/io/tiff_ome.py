"""OME-XML: which page of which file is which plane, and the calibration.

Read as a stream: an acquisition of 100,000 frames has as many elements, and a tree of them would take more memory than
the images that are looked at. Schema: https://www.openmicroscopy.org/Schemas/OME/2016-06.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
import tifffile

from napari_pinpoint.errors import PinpointWarning
from napari_pinpoint.io.facts import Facts, nanometres, seconds
from napari_pinpoint.io.source import Source, without_missing
from napari_pinpoint.io.tiff_pages import FileSeries, PageLayout, TiffPages

_SOURCE = "OME metadata"
_CAMERA_NAME = ("Manufacturer", "Model", "SerialNumber")
_DETECTOR_KEYS = ("Model", "Type", "Gain", "Voltage", "Offset", "ReadOutRate", "AmplificationGain", "Binning")


def open_ome(path: Path, layout: PageLayout, text: str) -> Source | None:
    """The images of an OME-TIFF, in one file or several; several images of one size are stage positions.

    None where the text is no OME-XML that describes the pages: they can still be read one by one.
    """
    try:
        ome = OmeReader(text)
        if ome.binary_only:
            ome = OmeReader(_companion(path.parent / Path(ome.binary_only).name), own_name=path.name)
        images = [image for image in ome.images if image.runs and image.attributes["DimensionOrder"].startswith("XY")]
        sizes = [image.sizes for image in images]
    except (expat.ExpatError, KeyError, ValueError, OSError) as error:
        _warn(path, f"the OME metadata cannot be used ({error}), and the pages are read without them.")
        return None
    if not images or (sizes[0]["Y"], sizes[0]["X"]) != layout.shape:
        return None
    alike = [image for image, size in zip(images, sizes, strict=True) if size == sizes[0]]
    if len(alike) < len(images):
        _warn(path, f"{len(images) - len(alike)} of its {len(images)} images differ from the first in size; left out.")
    names = {run.file for image in alike for run in image.runs}
    files: dict[str | None, TiffPages] = {}
    for name in sorted(names, key=lambda name: name or ""):
        # A single file is this one, however it has been renamed.
        file = path if name is None or len(names) == 1 else path.parent / Path(name).name
        if file.is_file():
            files[name] = TiffPages(file, layout)
            files[name].check_complete()
    lengths = {name: len(file) for name, file in files.items()}
    axes = "P" + alike[0].order
    table = without_missing(np.stack([image.table(lengths) for image in alike]), axes, path)
    pages = FileSeries(list(files.values()), list(lengths.values()), layout)
    source = Source(pages, layout, table, axes, [file.path for file in files.values()])
    source.facts = facts(ome, source.n_frames, path.name)
    return source


def _companion(path: Path) -> str:
    """The OME-XML that a file without one of its own names: a text file, or another OME-TIFF."""
    if path.suffix.lower() in (".ome", ".xml"):
        return path.read_text(encoding="utf-8")
    with tifffile.TiffFile(path) as tif:
        return str(tif.pages.first.description)


def _warn(path: Path, what: str) -> None:
    warnings.warn(f"{path}: {what}", PinpointWarning, stacklevel=3)


@dataclass
class Run:
    """One TiffData element: consecutive planes in consecutive pages; `file` None is the one that holds the text."""

    ifd: int | None
    first: dict[str, int]
    count: int | None
    file: str | None = None


@dataclass
class OmeImage:
    """One Image element: the attributes of its Pixels, and where its planes are."""

    attributes: dict[str, str]
    channel_names: list[str] = field(default_factory=list)
    samples: int = 1
    runs: list[Run] = field(default_factory=list)
    delta_t: dict[int, float] = field(default_factory=dict)

    @property
    def order(self) -> str:
        """Axes before rows and columns, slowest first."""
        return self.attributes["DimensionOrder"][:1:-1]

    @property
    def sizes(self) -> dict[str, int]:
        sizes = {axis: int(self.attributes[f"Size{axis}"]) for axis in "TCZYX"}
        sizes["C"] = max(sizes["C"] // self.samples, 1)
        return sizes

    def table(self, lengths: dict[str | None, int]) -> np.ndarray[Any, Any]:
        """Page numbers of all planes, in the image's order; -1 where a file or a page is missing.

        `lengths` has the number of pages of each file; pages are numbered on from file to file.
        """
        starts = dict(zip(lengths, np.cumsum([0, *lengths.values()]).tolist(), strict=False))
        sizes = self.sizes
        shape = tuple(sizes[axis] for axis in self.order)
        table = np.full(math.prod(shape), -1, dtype=np.int64)
        steps = dict(zip(self.order, (math.prod(shape[i + 1 :]) for i in range(3)), strict=True))
        for run in self.runs:
            if run.file not in lengths or any(run.first[axis] >= sizes[axis] for axis in steps):
                continue
            start = sum(run.first[axis] * step for axis, step in steps.items())
            page = run.ifd or 0
            planned = run.count if run.count is not None else (1 if run.ifd is not None else len(table))
            n = max(min(planned, len(table) - start, lengths[run.file] - page), 0)
            table[start : start + n] = range(starts[run.file] + page, starts[run.file] + page + n)
        return table.reshape(shape)


class OmeReader:
    """What an OME-XML text says of its images and the detector.

    `own_name` is the name of the file that is read where another one holds the text.

    Raises xml.parsers.expat.ExpatError, KeyError or ValueError where the text is not OME-XML.
    """

    def __init__(self, text: str, own_name: str | None = None) -> None:
        self.images: list[OmeImage] = []
        self.detector: dict[str, str] = {}
        self.camera_name = ""
        self.binary_only: str | None = None
        self._uuid = ""
        self._uuid_of_run: str | None = None
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(text.encode(), True)
        if own_name is not None:
            for run in (run for image in self.images for run in image.runs):
                run.file = None if run.file == own_name else run.file

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition(":")[2]:
            case "OME":
                self._uuid = attributes.get("UUID", "")
            case "BinaryOnly":
                self.binary_only = attributes.get("MetadataFile")
            case "Detector" | "DetectorSettings":
                self.detector.update({key: attributes[key] for key in _DETECTOR_KEYS if key in attributes})
                name = " ".join(attributes[key] for key in _CAMERA_NAME if attributes.get(key))
                self.camera_name = self.camera_name or name
            case "Pixels":
                self.images.append(OmeImage(attributes))
            case "Channel" if self.images:
                self.images[-1].channel_names.append(attributes.get("Name", ""))
                self.images[-1].samples = int(attributes.get("SamplesPerPixel", 1))
            case "TiffData" if self.images:
                ifd, count = attributes.get("IFD"), attributes.get("PlaneCount", attributes.get("NumPlanes"))
                first = {axis: int(attributes.get(f"First{axis}", 0)) for axis in "TCZ"}
                self.images[-1].runs.append(Run(int(ifd) if ifd else None, first, int(count) if count else None))
            case "UUID" if self.images and self.images[-1].runs:
                self._uuid_of_run = ""
                self.images[-1].runs[-1].file = attributes.get("FileName")
            case "Plane" if self.images and "DeltaT" in attributes:
                if attributes.get("TheC", "0") == "0" and attributes.get("TheZ", "0") == "0":
                    delta = seconds(attributes["DeltaT"], attributes.get("DeltaTUnit", "s"))
                    self.images[-1].delta_t[int(attributes.get("TheT", 0))] = delta or 0.0

    def _characters(self, text: str) -> None:
        if self._uuid_of_run is not None:
            self._uuid_of_run += text

    def _end(self, tag: str) -> None:
        if tag.rpartition(":")[2] == "UUID" and self._uuid_of_run is not None:
            if self._uuid_of_run.strip() == self._uuid:  # the file with this text, whatever it is called by now
                self.images[-1].runs[-1].file = None
            self._uuid_of_run = None


def facts(ome: OmeReader, n_frames: int, name: str) -> Facts:
    """The calibration of the first image.

    Detector gain and offset have no defined unit in OME-XML, so they are kept as metadata and never used.
    """
    image = ome.images[0]
    found = Facts()
    values = image.attributes
    x, y, z = (
        nanometres(values.get(f"PhysicalSize{axis}"), values.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "XYZ"
    )
    found.note_pixel_size(x, y, _SOURCE, name)
    found.note("z_step_nm", z, _SOURCE)
    names = tuple(image.channel_names)
    if len(names) == image.sizes["C"] and any(names) and len(names) > 1:
        found.note("channel_names", names, _SOURCE)
    if n_frames > 1 and all(t in image.delta_t for t in range(n_frames)):
        times = np.array([image.delta_t[t] for t in range(n_frames)])
        if (np.diff(times) > 0).all():
            found.note("frame_times_s", times, f"{_SOURCE} (DeltaT)")
    found.note_interval(
        seconds(values.get("TimeIncrement"), values.get("TimeIncrementUnit", "s")), f"{_SOURCE} (TimeIncrement)"
    )
    if ome.detector:
        found.metadata["detector"] = dict(ome.detector)
    if ome.camera_name:
        found.metadata["camera_name"] = ome.camera_name
    return found
