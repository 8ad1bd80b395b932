"""Localization tables in files: one function reads, one writes, whatever the format."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.atomic import check_free, complete_file
from napari_pinpoint.io.conventions import Convention, Given
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.registry import Registry


class TableFormat(Protocol):
    """One file format for localization tables.

    It turns the format's convention (unit, origin, first frame, order of axes) into ours and back, and nothing else:
    whether a file may be replaced, and that it is never half written, is settled before `write` is called.
    """

    @property
    def name(self) -> str:
        """Its name in FORMATS."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of file names in lower case, with the dot."""

    @property
    def needs_pixel_size(self) -> bool:
        """Whether tables can only be written when the size of a pixel is known."""

    @property
    def convention(self) -> Convention:
        """What the numbers in its files mean: unit, origin and first frame."""

    def recognizes(self, path: Path) -> bool:
        """Whether the file's content is of this format; asked where the suffix does not say it."""

    def read(self, path: Path, given: Given) -> Localizations:
        """The table in a file; what is given replaces what the file says, or the format means."""

    def write(self, table: Localizations, path: Path) -> None:
        """Write the table to a new file, and to others in its folder if the format needs several."""

    def cannot_hold(self, table: Localizations) -> list[str]:
        """Names of the columns that are lost when the table is written."""

    # A format of several files has `beside(path) -> list[Path]`, too: what it writes besides.


FORMATS: Registry[TableFormat] = Registry(
    "table format",
    (
        "thunderstorm",
        "ThunderSTORM CSV in nanometres, which most programs read.",
        "napari_pinpoint.io.thunderstorm:FORMAT",
    ),
    ("parquet", "Parquet: every column and the record, small and fast.", "napari_pinpoint.io.parquet:FORMAT"),
    ("picasso", "Picasso HDF5, with its YAML file beside it.", "napari_pinpoint.io.picasso:FORMAT"),
    ("decode", "DECODE HDF5.", "napari_pinpoint.io.decode:FORMAT"),
    ("decode-csv", "DECODE CSV.", "napari_pinpoint.io.decode:CSV_FORMAT"),
    ("smap", "SMAP CSV in nanometres.", "napari_pinpoint.io.smap:FORMAT"),
    ("challenge", "CSV of the SMLM challenges' truth, 2013 and 2016.", "napari_pinpoint.io.challenge:FORMAT"),
    ("nanoimager", "ONI Nanoimager CSV.", "napari_pinpoint.io.nanoimager:FORMAT"),
    ("napari-points", "CSV of napari's Points layers.", "napari_pinpoint.io.napari_points:FORMAT"),
    ("rapidstorm", "rapidSTORM text.", "napari_pinpoint.io.rapidstorm:FORMAT"),
    ("elyra", "Zeiss Elyra (ZEN) text.", "napari_pinpoint.io.elyra:FORMAT"),
    ("insight3", "Insight3 molecule lists (.bin).", "napari_pinpoint.io.insight3:FORMAT"),
    ("smap-mat", "SMAP .mat files (NAME_sml.mat).", "napari_pinpoint.io.smap:MAT"),
)


def read_localizations(
    path: str | Path,
    *,
    format: str | TableFormat | None = None,
    pixel_size_nm: float | None = None,
    unit: str | None = None,
    origin: str | None = None,
    first_frame: int | None = None,
) -> Localizations:
    """Read a table of localizations.

    Parameters
    ----------
    path
        The file.
    format
        A name in FORMATS or a format of your own. By default the file's suffix decides, and its content where
        several formats share the suffix.
    pixel_size_nm
        Size of a pixel in nanometres. Needed where the file has positions in nanometres and does not know it;
        replaces what the file says otherwise.
    unit
        Of positions whose column does not say it: px, nm or um.
    origin
        Where positions count from: "centre" (the centre of the first pixel is 0), "corner" (0 is its outer corner) or
        "one" (its centre is 1). By default as the format has it; some leave it open.
    first_frame
        The number of the first frame, 0 or 1; by default as the format has it.

    Returns
    -------
    Localizations
        Positions in pixels, the centre of the first pixel at (0, 0), frames from 0, whatever the file's convention.

    Raises
    ------
    ConventionNeeded
        If the file and its format leave open what its numbers mean; the message names what to give.
    PinpointError
        If the file does not exist, or its suffix or its content is not that of a known table.

    Examples
    --------
    >>> path = Path("elsewhere.csv")
    >>> _ = path.write_text('"frame","x [nm]","y [nm]"\\n1,250,50\\n')
    >>> table = read_localizations(path, pixel_size_nm=100)
    >>> table["frame"], table["y"], table["x"]
    (array([0]), array([0.]), array([2.]))
    """
    path = Path(path)
    if not path.exists():
        raise PinpointError(f"{path}: there is no such file.")
    if path.is_dir():
        raise PinpointError(f"{path}: this is a folder; give a file in it.")
    chosen = _chosen(format) if format is not None else _format_of(path)
    try:
        return chosen.read(path, Given(pixel_size_nm, unit, origin, first_frame))
    except OSError as error:
        raise PinpointError(f"{path} cannot be read: {error.strerror or error}.") from error


def write_localizations(
    table: Localizations,
    path: str | Path,
    *,
    format: str | TableFormat | None = None,
    pixel_size_nm: float | None = None,
    overwrite: bool = False,
) -> None:
    """Write a table of localizations; the file is complete or not there.

    Columns that the format has no place for are left out, with a warning that names them (Parquet holds all).

    Parameters
    ----------
    table
        The localizations.
    path
        The file; its folder must exist.
    format
        A name in FORMATS or a format of your own. By default the suffix decides; where several formats share it,
        the first of them in FORMATS.
    pixel_size_nm
        Size of a pixel in nanometres where the table does not know it; replaces the table's own.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    PinpointError
        If the file exists, its folder does not or cannot be written to, the disk is full, the suffix is unknown, or
        the format needs a pixel size that is not known.

    Examples
    --------
    >>> table = Localizations({"frame": [0], "y": [0], "x": [2]}, pixel_size_nm=100)
    >>> write_localizations(table, "found.csv")
    >>> print(Path("found.csv").read_text(), end="")
    "id","frame","x [nm]","y [nm]"
    1,1,250,50
    """
    path = Path(path)
    if pixel_size_nm is not None:
        table = table.with_calibration(pixel_size_nm=pixel_size_nm)
    chosen = check_target(path, format=format, pixel_size_nm=table.pixel_size_nm, overwrite=overwrite)
    lost = chosen.cannot_hold(table)
    if lost:
        warnings.warn(
            f"{path}: {chosen.name} has no place for {', '.join(lost)}. A Parquet file holds everything.",
            PinpointWarning,
            stacklevel=2,
        )
    with complete_file(path, overwrite=overwrite) as temporary:
        chosen.write(table, temporary)


def check_target(
    path: str | Path,
    *,
    format: str | TableFormat | None = None,
    pixel_size_nm: float | None = None,
    overwrite: bool = False,
) -> TableFormat:
    """The format in which a table would be written to `path`.

    Raises what can be known before there is a table: long work asks this before it starts. The parameters and errors
    are those of `write_localizations`.
    """
    chosen = _chosen(format) if format is not None else formats_for(path)[0]
    if chosen.needs_pixel_size and pixel_size_nm is None:
        raise PinpointError(
            f"{path}: {chosen.name} tables are in nanometres and the size of a pixel is not known; "
            "give it (--pixel-size-nm, pixel_size_nm=), or write a Parquet file."
        )
    beside = getattr(chosen, "beside", None)
    for file in (path, *(beside(Path(path)) if beside else ())):
        check_free(file, overwrite=overwrite)
    return chosen


def formats_for(path: str | Path) -> list[TableFormat]:
    """The formats that a file of this name may have, at least one; an unknown suffix lists what exists."""
    name = Path(path).name.lower()
    loaded = list(_loaded())
    found = [format for format in loaded if name.endswith(format.suffixes)]
    if not found:
        known: dict[str, list[str]] = {}
        for format in loaded:
            known.setdefault(", ".join(format.suffixes), []).append(format.name)
        listed = "; ".join(f"{suffixes} ({', '.join(names)})" for suffixes, names in known.items())
        raise PinpointError(f"{path}: the suffix says no format for tables of localizations. There are: {listed}.")
    return found


def suffixes() -> list[str]:
    """The endings of tables' file names, each once."""
    return list(dict.fromkeys(suffix for format in _loaded() for suffix in format.suffixes))


def _loaded() -> Iterator[TableFormat]:
    for entry in FORMATS:
        try:
            yield FORMATS[entry]
        except PinpointError as error:  # a third party's broken format is no reason not to read the others
            warnings.warn(str(error), PinpointWarning, stacklevel=4)


def _chosen(format: str | TableFormat) -> TableFormat:
    return FORMATS[format] if isinstance(format, str) else format


def _format_of(path: Path) -> TableFormat:
    """The format of a file that exists: by its suffix, if only one has it; else by its content.

    Where none recognizes the content it is the first with the suffix, for a telling error.
    """
    found = formats_for(path)
    if len(found) == 1 and found[0].recognizes(path):
        return found[0]
    others = (format for format in _loaded() if format not in found)
    return next((format for format in (*found, *others) if format.recognizes(path)), found[0])
