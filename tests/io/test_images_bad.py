"""Files that are not what they should be: the message names the file and the frame, and says what to do."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.images import read_stack

LAYOUTS = {
    "ImageJ": {"imagej": True, "metadata": {"axes": "TYX"}},
    "pages": {"metadata": None, "contiguous": False},
    "compressed": {"metadata": None, "compression": "zlib"},
    "one block": {},
    "BigTIFF": {"bigtiff": True, "metadata": None},
}


@pytest.fixture
def movie(rng):
    return rng.integers(0, 60_000, (40, 32, 32), dtype=np.uint16)


def test_an_empty_file(tmp_path):
    (tmp_path / "a.tif").touch()
    with pytest.raises(PinpointError, match=r"a\.tif is empty \(0 bytes\)"):
        read_stack(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(50), b"I", b"II*", b"frame,x,y\n1,2,3\n"])
def test_something_else_than_a_tiff(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(PinpointError, match=r"a\.tif (is not a TIFF file: it begins with|is truncated)"):
        read_stack(tmp_path / "a.tif")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("part", [0.25, 0.6, 0.95])
def test_a_truncated_file_is_told_when_it_is_opened(tmp_path, movie, layout, part):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie, photometric="minisblack", **LAYOUTS[layout])
    with tifffile.TiffFile(path) as tif:
        ends = [page.dataoffsets[0] + page.databytecounts[0] for page in tif.pages]
        if len(ends) == 1:
            ends = [tif.pages[0].dataoffsets[0] + 2048 * (i + 1) for i in range(len(movie))]
    whole = path.read_bytes()
    size = int(part * ends[-1])
    path.write_bytes(whole[:size])
    with pytest.raises(PinpointError, match=r"a\.tif is truncated: it is [\d,]+ bytes long .*\(frame\) (\d+)") as error:
        read_stack(path)
    complete = sum(end <= size for end in ends)
    # Where the pages' directories lie behind all pixels, a cut file has lost them, and frames can only be counted down.
    assert int(str(error.value).split("(frame) ")[1].split(",")[0]) <= complete
    if layout in ("ImageJ", "one block", "compressed"):
        assert f"(frame) {complete}," in str(error.value)


@pytest.mark.parametrize("part", [9, 100, 200])
def test_a_file_cut_within_its_header(tmp_path, movie, part):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie)
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(PinpointError, match=r"a\.tif"):
        read_stack(path)


def test_frames_that_cannot_be_decoded(tmp_path, movie):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie, metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        at, n = tif.pages[17].dataoffsets[0], tif.pages[17].databytecounts[0]
    body = bytearray(path.read_bytes())
    body[at : at + n] = b"\xff" * n
    path.write_bytes(bytes(body))
    view = read_stack(path).view()
    assert view.read(0, 17).shape == (17, 1, 32, 32)
    with pytest.raises(PinpointError, match=r"a\.tif: image \(frame\) 17 cannot be decoded"):
        view.read(10, 20)


def test_any_damage_ends_in_a_message(tmp_path, movie, rng):
    """Bytes of the header and the directories changed at random: a message, or images, but no other exception."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, movie[:5], metadata=None)
    whole = path.read_bytes()
    refused = 0
    for _ in range(60):
        body = bytearray(whole)
        for at in rng.integers(4, 250, 3):
            body[at] = rng.integers(256)
        path.write_bytes(bytes(body))
        try:
            stack = read_stack(path)
            if stack.data.nbytes < 1e7:
                np.asarray(stack.data)
        except (PinpointError, PinpointWarning):
            refused += 1
    assert refused > 10


@pytest.mark.filterwarnings("ignore::napari_pinpoint.errors.PinpointWarning")
def test_a_page_of_another_size_is_left_out_and_told(tmp_path, movie):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for image in (*movie[:3], movie[3, :16, :16]):
            tif.write(image, contiguous=False, metadata=None)
    with pytest.warns(PinpointWarning, match="1 of 4 pages differ from the first"):
        stack = read_stack(path)
    np.testing.assert_array_equal(stack.data, movie[:3])


def test_imagej_metadata_that_another_program_copied(tmp_path, movie):
    path = tmp_path / "a.tif"
    text = "ImageJ=1.53t\nimages=100\nframes=100\n"
    tifffile.imwrite(path, movie[:6], metadata=None, description=text, contiguous=False, compression="zlib")
    with pytest.warns(PinpointWarning, match="announce 100 images, the file has 6"):
        stack = read_stack(path)
    np.testing.assert_array_equal(stack.data, movie[:6])


def test_complex_pixels(tmp_path, movie):
    tifffile.imwrite(tmp_path / "a.tif", movie.astype(np.complex64))
    with pytest.raises(PinpointError, match=r"a\.tif holds pixels of type complex64"):
        read_stack(tmp_path / "a.tif")


def test_nan_is_told_with_its_frame(tmp_path, movie):
    images = movie.astype(np.float32)
    images[7, 3, 4:6] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", images)
    view = read_stack(tmp_path / "a.tif").view()
    assert np.isfinite(view.read(0, 7)).all()
    with pytest.raises(PinpointError, match=r"a\.tif: frame 7 has 2 pixels that are NaN or infinite"):
        view.read(5, 10)


def test_nothing_there(tmp_path):
    with pytest.raises(PinpointError, match=r"movie\.tif does not exist\.$"):
        read_stack(tmp_path / "movie.tif")
    with pytest.raises(PinpointError, match=r"The folder .*gone does not exist either"):
        read_stack(tmp_path / "gone" / "movie.tif")
    with pytest.raises(PinpointError, match=r"No file matches .*\*\.tif"):
        read_stack(tmp_path / "*.tif")
    with pytest.raises(PinpointError, match="has no TIFF files"):
        read_stack(tmp_path)
    with pytest.raises(PinpointError, match="list of image files is empty"):
        read_stack([])
    with pytest.raises(PinpointError, match=r"b\.tif does not exist"):
        read_stack([tmp_path / "b.tif"])


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("other", ["size", "dtype"])
def test_files_of_a_series_that_differ(tmp_path, movie, compression, other):
    for i in range(3):
        image = movie[i]
        if i == 2:
            image = image[:16] if other == "size" else image.astype(np.float32)
        tifffile.imwrite(tmp_path / f"frame{i}.tif", image, compression=compression)
    expected = "16 x 32 pixels of uint16" if other == "size" else "32 x 32 pixels of float32"
    with pytest.raises(
        PinpointError, match=rf"frame2\.tif has images of {expected}.*32 x 32 pixels of uint16 in frame0"
    ):
        read_stack(tmp_path)


def test_files_of_a_series_with_other_axes(tmp_path, movie):
    tifffile.imwrite(tmp_path / "a1.tif", movie[:6].reshape(3, 2, 32, 32), imagej=True, metadata={"axes": "TCYX"})
    tifffile.imwrite(tmp_path / "a2.tif", movie[:9].reshape(3, 3, 32, 32), imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(PinpointError, match=r"a2\.tif does not continue a1\.tif"):
        read_stack(tmp_path)


def test_folders_of_several_data_sets(tmp_path, movie):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "a.tif", movie)
    with pytest.raises(PinpointError, match="several folders that do: name one"):
        read_stack(tmp_path)
