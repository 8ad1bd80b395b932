"""The options of `pinpoint train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_pinpoint.cli import options
from napari_pinpoint.cli.choices import named

_IMAGES = "Training on a folder of annotated images"
_STACK = "Training on a stack whose points are known"
_NEW = "What a new model is (without --recipe and --start)"

Output = Annotated[Path, typer.Option("--output", "-o", metavar="MODEL", help="The model to write (.safetensors).")]
RecipeName = Annotated[
    str | None, typer.Option("--recipe", metavar="NAME|FILE", help="A recipe that ships, or a YAML file.")
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="NAME|FILE",
        help="A model to teach more, without --recipe. With --stack it is smlm-2d, unless --method asks for a new one.",
    ),
]
Steps = Annotated[
    int | None, typer.Option("--steps", metavar="N", min=1, help="Steps of training; else the recipe's, or chosen.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="CHECKPOINTS",
        help="Where checkpoints are kept; else in MODEL.training until the model is complete.",
    ),
]
Json = Annotated[
    bool,
    options.flag(
        "--json",
        help="Write the result as one JSON object to standard output, and progress as one JSON object per line to "
        "standard error.",
    ),
]

DatasetFolder = Annotated[
    Path | None,
    typer.Option(
        "--dataset",
        metavar="FOLDER",
        help="Annotated images; every fifth is kept for validation, unless the folder has parts train and val.",
        rich_help_panel=_IMAGES,
    ),
]
DatasetFormat = Annotated[
    str | None,
    named(
        "--dataset-format",
        "napari_pinpoint.datasets:DATASETS",
        help="How the images are annotated; else it is recognized.",
        rich_help_panel=_IMAGES,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="PART",
        help="The part of the folder to learn from, where it has several; else train.",
        rich_help_panel=_IMAGES,
    ),
]
ValidationSplit = Annotated[
    str | None,
    typer.Option(
        "--validation-split", metavar="PART", help="The part to validate on; see --dataset.", rich_help_panel=_IMAGES
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="A,B,...",
        help="Classes to tell apart, in this order; else all that the images have.",
        rich_help_panel=_IMAGES,
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        "--window",
        metavar="N",
        min=8,
        help="Side in pixels of the windows that are learnt from; else chosen.",
        rich_help_panel=_IMAGES,
    ),
]

StackPath = Annotated[
    str | None, typer.Option("--stack", metavar="STACK", help="A TIFF file to learn from.", rich_help_panel=_STACK)
]
Points = Annotated[
    Path | None,
    typer.Option(
        "--points",
        metavar="TABLE",
        help="All points of the frames that are annotated; frames without a point are not used.",
        rich_help_panel=_STACK,
    ),
]
Regions = Annotated[
    Path | None,
    typer.Option(
        "--regions",
        metavar="FILE",
        help="Where the points are complete, and which frames are empty: the JSON file exported with them, or a label "
        "image for all frames. Nothing is taught of the rest.",
        rich_help_panel=_STACK,
    ),
]

Method = Annotated[
    str | None,
    named(
        "--method",
        "napari_pinpoint.methods:METHODS",
        help="How it finds points; by default centernet where objects have boxes, else matching.",
        rich_help_panel=_NEW,
    ),
]
Backbone = Annotated[
    str | None,
    named(
        "--backbone",
        "napari_pinpoint.networks:BACKBONES",
        help="Its network; else one that suits the method.",
        rich_help_panel=_NEW,
    ),
]
Decoder = Annotated[
    str | None,
    named(
        "--decoder",
        "napari_pinpoint.decoders:DECODERS",
        help="What turns the network's answer into points; else the method's own.",
        rich_help_panel=_NEW,
    ),
]
Loss = Annotated[
    str | None,
    named(
        "--loss",
        "napari_pinpoint.methods.losses:LOSSES",
        help="How far a heat map is from its target, for methods that leave it open.",
        rich_help_panel=_NEW,
    ),
]
Target = Annotated[
    str | None,
    named(
        "--target",
        "napari_pinpoint.methods.targets:TARGETS",
        help="What a heat map is to look like, for methods that leave it open.",
        rich_help_panel=_NEW,
    ),
]
ThresholdFunction = Annotated[
    str | None,
    named(
        "--threshold-function",
        "napari_pinpoint.decoders.thresholds:THRESHOLDS",
        help="Which peaks of a heat map count, for decoders that leave it open.",
        rich_help_panel=_NEW,
    ),
]
