"""Somebody before napari on a virtual display, who works it by mouse and keys and takes pictures and films of it."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

#: Seconds from one frame of the film to the next, how many of them it may last, and colours that remain.
BEAT_S, MOST_S, COLOURS = 0.1, 20.0, 128
#: The arrow of a mouse, which no grab of the screen has: corners in pixels.
ARROW = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))


class User:
    """Sits before a new napari window, and does what users do."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        self.folder = folder
        self.viewer = napari.Viewer()
        self.window: Any = self.viewer.window._qt_window
        self.viewer.window.resize(width, height)
        self.screen: Any = QApplication.primaryScreen()
        self.film: list[Image.Image] | None = None
        self.pointer = (width // 2, height // 2)
        self.wait(1)

    def wait(self, seconds: float, *, speed: float = 1) -> None:
        """Let time pass, on film, too: `speed` times as quick there."""
        from qtpy.QtTest import QTest

        end = time.monotonic() + seconds
        while True:
            QTest.qWait(max(0, round(1000 * min(BEAT_S * speed, end - time.monotonic()))))
            if self.film is not None:
                self.film.append(with_pointer(self.grab(), self.pointer))
            if time.monotonic() >= end:
                return

    def until(self, there: Callable[[], Any], *, speed: float = 1, at_most_s: float = 120) -> None:
        """Wait for something."""
        end = time.monotonic() + at_most_s
        while not there():
            if time.monotonic() > end:
                raise TimeoutError("what the picture is to show did not come")
            self.wait(BEAT_S * speed, speed=speed)

    def click(self, widget: Any, place: Any = None) -> None:
        """Press the left button in the middle of a widget, or at a place in it."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.point(widget, place)
        where = widget.rect().center() if place is None else place
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
        self.wait(0.2)

    def point(self, widget: Any, place: Any = None) -> None:
        """Go there with the mouse."""
        at = widget.mapToGlobal(widget.rect().center() if place is None else place)
        start, end = self.pointer, (at.x(), at.y())
        for part in (0.3, 0.7, 0.95, 1.0) if self.film is not None else (1.0,):
            self.pointer = tuple(round(a + part * (b - a)) for a, b in zip(start, end, strict=True))  # type: ignore[assignment]
            self.wait(BEAT_S if self.film is not None else 0)

    def drag(self, widget: Any, *places: Any) -> None:
        """Hold the left button from the first place to the last."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        button, no_key = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        self.point(widget, places[0])
        QTest.mousePress(widget, button, no_key, places[0])
        for place in places[1:]:
            QTest.mouseMove(widget, place)
            at = widget.mapToGlobal(place)
            self.pointer = (at.x(), at.y())
            self.wait(BEAT_S)
        QTest.mouseRelease(widget, button, no_key, places[-1])
        self.wait(0.2)

    def type(self, field: Any, text: str) -> None:
        """Click into a field and write something into it, in the place of what is there."""
        from qtpy.QtTest import QTest

        self.click(field)
        field.selectAll()
        for letter in text:
            QTest.keyClick(field, letter)
            self.wait(BEAT_S if self.film is not None else 0)
        self.wait(0.3)

    def show(self, widget: Any) -> None:
        """Scroll a form until a widget is in sight."""
        from qtpy.QtWidgets import QScrollArea

        parent = widget.parent()
        while not isinstance(parent, QScrollArea):
            parent = parent.parent()
        parent.ensureWidgetVisible(widget)

    def choose(self, choice: Any, text: str) -> None:
        """Choose an entry of a drop-down list with the arrow keys."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        steps = choice.findText(text) - choice.currentIndex()
        for _ in range(abs(steps)):
            QTest.keyClick(choice, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)
        self.wait(0.2)

    def menu(self, *path: str) -> None:
        """Click through the menus, as "File", "Open Sample"."""
        menu = self.window.menuBar()
        for name in path:
            action = next(a for a in menu.actions() if a.text().replace("&", "") == name)
            self.click(menu, menu.actionGeometry(action).center())
            menu = action.menu()

    def tab(self, name: str) -> Any:
        """Click on a tab of the dock; its widget."""
        from napari_pinpoint.plugin.dock import PinpointDock

        dock = self.window.findChild(PinpointDock)
        index = [dock.tabText(n) for n in range(dock.count())].index(name)
        self.click(dock.tabBar(), dock.tabBar().tabRect(index).center())
        self.wait(0.5)
        return dock.show_tab(name)

    def open_dock(self, width: int = 380) -> Any:
        """Open Pinpoint from the menu; the tab Localize."""
        from qtpy.QtCore import Qt
        from qtpy.QtWidgets import QDockWidget

        from napari_pinpoint.plugin.dock import PinpointDock

        self.menu("Plugins", "Pinpoint", "Pinpoint (Pinpoint)")
        self.until(lambda: self.window.findChild(PinpointDock))
        inside = self.window.findChild(PinpointDock)
        dock = next(d for d in self.window.findChildren(QDockWidget) if d.isAncestorOf(inside))
        self.window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
        self.wait(0.3)
        return inside.show_tab("Localize")

    def grab(self) -> Image.Image:
        """What is on the screen."""
        from qtpy.QtCore import QBuffer

        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        self.screen.grabWindow(0, 0, 0, self.window.width(), self.window.height()).save(buffer, "BMP")
        return Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")

    def picture(self, name: str) -> None:
        """Put what is on the screen into a file, in few colours."""
        self.wait(0.5)
        picture = self.grab()
        canvas = self.window.centralWidget().geometry()
        drawn = np.asarray(picture.crop((canvas.left(), canvas.top(), canvas.right(), canvas.bottom())))
        if drawn.max() < 60:
            raise RuntimeError(f"{name}: the canvas is black; is there OpenGL on this display?")
        path = self.folder / f"{name}.png"
        reduced(picture, palette_of([picture])).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} kB")


def with_pointer(picture: Image.Image, place: tuple[int, int]) -> Image.Image:
    """The picture with the mouse drawn into it."""
    corners = [(x + place[0], y + place[1]) for x, y in ARROW]
    ImageDraw.Draw(picture).polygon(corners, fill="white", outline="black")
    return picture


def palette_of(pictures: list[Image.Image]) -> Image.Image:
    """An image with the palette that suits all pictures."""
    joined = np.concatenate([np.asarray(picture) for picture in pictures])
    return Image.fromarray(joined).quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1)


def reduced(picture: Image.Image, palette: Image.Image) -> Image.Image:
    """The picture in the colours of a palette, without the dots of dithering."""
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def write_film(frames: list[Image.Image], path: Path) -> None:
    """An animated GIF; frames that show the same are one that stays longer. A film that is too long runs quicker."""
    palette = palette_of(frames[:: max(1, len(frames) // 6)])
    beat_ms = 10 * int(100 * min(BEAT_S, MOST_S / len(frames)))  # GIFs count hundredths of a second
    shown, durations = [], []
    for frame in (reduced(frame, palette) for frame in frames):
        if shown and frame.tobytes() == shown[-1].tobytes():
            durations[-1] += beat_ms
        else:
            shown.append(frame)
            durations.append(beat_ms)
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=durations, loop=0, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} kB, {len(shown)} frames, {sum(durations) / 1000:.1f} s")


@contextmanager
def display(width: int, height: int) -> Iterator[str]:
    """A virtual display of its own; gives its name."""
    number = 1000 + os.getpid() % 50_000  # the low numbers are fought over by whatever else runs here
    command = ["Xvfb", f":{number}", "-noreset", "-nolisten", "tcp", "-screen", "0", f"{width}x{height}x24"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + 30
            while not Path(f"/tmp/.X11-unix/X{number}").exists():
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"There is no virtual display; {' '.join(command)} says why.")
                time.sleep(0.1)
            yield f":{number}"
        finally:
            server.terminate()


@contextmanager
def nobody(display: str) -> Iterator[dict[str, str]]:
    """What a program needs in its environment to run on a display with the settings of nobody."""
    with tempfile.TemporaryDirectory(prefix="pinpoint-") as home:
        own = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), home)
        own |= {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "NAPARI_CONFIG": f"{home}/settings.yaml"}
        yield {**os.environ, **own}
