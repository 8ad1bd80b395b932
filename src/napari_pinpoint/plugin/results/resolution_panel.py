"""How fine the picture is, and how precise the points are, without any truth."""

from __future__ import annotations

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.localizations import Localizations
from napari_pinpoint.plugin.results.figure_view import Drawn, FigureView
from napari_pinpoint.plugin.results.panel import Panel
from napari_pinpoint.plugin.results.sessions import Outcome, Session, Work
from napari_pinpoint.plugin.work.jobs import Reporter

_KINDS = ("FRC", "NeNA")


class ResolutionPanel(Panel):
    """Fourier ring correlation, and the precision by nearest neighbours."""

    title = "Resolution"
    summary = (
        "How fine a structure the picture can show (Fourier ring correlation), and how precise single points are "
        "(NeNA, nearest neighbours in the next frame; before they are linked)."
    )
    button_text = "Measure the resolution"
    running_text = "Measuring the resolution"

    def __init__(self) -> None:
        super().__init__()
        self.figures = {kind: FigureView(kind) for kind in _KINDS}
        for figure in self.figures.values():
            self.body.addWidget(figure)

    def show_session(self, session: Session | None, table: Localizations) -> None:
        """What was measured of this layer."""
        super().show_session(session, table)
        drawn = {} if session is None else session.notes.get("resolution", {})
        for kind, figure in self.figures.items():
            figure.show_figure(drawn.get(kind))

    def work(self) -> Work:
        """Measure both; what cannot be measured says why."""
        return _measure


def _measure(table: Localizations, reporter: Reporter) -> Outcome:
    from napari_pinpoint.evaluation.resolution import fourier_ring_correlation, nearest_neighbour_resolution
    from napari_pinpoint.evaluation.resolution_figures import resolution_figure

    size, unit = (table.pixel_size_nm, "nm") if table.pixel_size_nm else (1.0, "px")
    words, drawn = [], {}
    try:
        frc = fourier_ring_correlation(table)
        words.append(f"FRC resolution {frc.resolution_px * size:.3g} {unit}.")
        drawn["FRC"] = Drawn.of(lambda: resolution_figure(frc), words[-1])
    except PinpointError as error:
        words.append(f"FRC: {error}")
    if not reporter.cancel.is_set():
        try:
            nena = nearest_neighbour_resolution(table)
            words.append(f"NeNA precision {nena.precision_px * size:.3g} {unit}.")
            drawn["NeNA"] = Drawn.of(lambda: resolution_figure(None, nena), words[-1])
        except PinpointError as error:
            words.append(f"NeNA: {error}")
    return Outcome(" ".join(words), notes={"resolution": drawn})
