"""Annotation: the points that a person marks, where they are complete, and a file that keeps every action."""

from napari_pinpoint.annotation.actions import Action
from napari_pinpoint.annotation.annotation import Annotation
from napari_pinpoint.annotation.coverage import CompleteRegion, Coverage, read_coverage, write_coverage
from napari_pinpoint.annotation.journal import Journal, journal_path

__all__ = [
    "Action",
    "Annotation",
    "CompleteRegion",
    "Coverage",
    "Journal",
    "journal_path",
    "read_coverage",
    "write_coverage",
]
