"""Tables to tables: what is done with localizations once they are found."""

from napari_pinpoint.postprocessing.counting import count
from napari_pinpoint.postprocessing.drift import Drift, correct_drift, remove_drift_correction
from napari_pinpoint.postprocessing.drift_correlation import estimate_drift
from napari_pinpoint.postprocessing.drift_fiducials import estimate_drift_from_fiducials
from napari_pinpoint.postprocessing.drift_figure import drift_figure
from napari_pinpoint.postprocessing.expressions import rows_that_pass
from napari_pinpoint.postprocessing.filtering import filter_column, filter_rows, passes
from napari_pinpoint.postprocessing.linking import link, suggested_radius_px
from napari_pinpoint.postprocessing.merging import merge
from napari_pinpoint.postprocessing.objects import count_objects
from napari_pinpoint.postprocessing.steps import STEPS, replay, steps_of

__all__ = [
    "STEPS",
    "Drift",
    "correct_drift",
    "count",
    "count_objects",
    "drift_figure",
    "estimate_drift",
    "estimate_drift_from_fiducials",
    "filter_column",
    "filter_rows",
    "link",
    "merge",
    "passes",
    "remove_drift_correction",
    "replay",
    "rows_that_pass",
    "steps_of",
    "suggested_radius_px",
]
