"""Tables to tables: what is done with localizations once they are found."""

from napari_pinpoint.postprocessing.filtering import filter_column, passes

__all__ = ["filter_column", "passes"]
