"""Tables to tables: what is done with localizations once they are found."""

from napari_pinpoint.postprocessing.counting import count
from napari_pinpoint.postprocessing.expressions import rows_that_pass
from napari_pinpoint.postprocessing.filtering import filter_column, filter_rows, passes
from napari_pinpoint.postprocessing.linking import link, suggested_radius_px
from napari_pinpoint.postprocessing.merging import merge

__all__ = [
    "count",
    "filter_column",
    "filter_rows",
    "link",
    "merge",
    "passes",
    "rows_that_pass",
    "suggested_radius_px",
]
