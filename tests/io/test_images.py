"""Every kind of TIFF that microscopes and programs write: the same pixels, with named axes."""

from __future__ import annotations

import pickle
import struct
import tracemalloc

import numpy as np
import pytest
import tifffile

from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.io.tiff_chain import WALKED, PageChain, read_format

MOVIE = (5, 13, 17)
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"]

# What is written beside the images; all of these are a movie of MOVIE's shape.
WRITERS = {
    "tifffile": {},
    "pages": {"metadata": None},
    "pages, compressed": {"metadata": None, "compression": "zlib"},
    "one block": {"contiguous": True, "bigtiff": True},
    "BigTIFF": {"bigtiff": True, "metadata": None},
    "big-endian": {"byteorder": ">"},
    "big-endian, compressed": {"byteorder": ">", "compression": "zlib", "metadata": None},
    "strips": {"rowsperstrip": 4, "metadata": None},
    "tiles": {"tile": (16, 16)},
    "tiles, compressed": {"tile": (16, 16), "compression": "zstd", "metadata": None},
    "LZW": {"compression": "lzw", "predictor": True},
    "PackBits": {"compression": "packbits"},
    "ImageJ": {"imagej": True, "metadata": {"axes": "TYX"}},
    "OME": {"ome": True, "metadata": {"axes": "TYX"}},
    "OME, compressed": {"ome": True, "metadata": {"axes": "TYX"}, "compression": "zlib"},
}


@pytest.fixture
def movie(rng):
    return rng.integers(0, 250, MOVIE, dtype=np.uint16)


def written(folder, images, name="movie.tif", **kwargs):
    tifffile.imwrite(folder / name, images, photometric=kwargs.pop("photometric", "minisblack"), **kwargs)
    return folder / name


@pytest.mark.parametrize("writer", WRITERS)
def test_a_movie_is_a_movie_whoever_wrote_it(tmp_path, movie, writer):
    name = "movie.ome.tif" if writer.startswith("OME") else "movie.tif"
    stack = read_stack(written(tmp_path, movie, name, **WRITERS[writer]))
    assert (stack.axes, stack.dtype) == ("TYX", np.uint16)
    np.testing.assert_array_equal(stack.data, movie)
    assert stack.data[...].dtype.isnative


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_pixel_types_are_kept(tmp_path, movie, dtype, compression):
    images = movie.astype(dtype)
    stack = read_stack(written(tmp_path, images, compression=compression))
    assert stack.dtype == dtype
    np.testing.assert_array_equal(stack.data, images)


@pytest.mark.parametrize("writer", ["pages", "pages, compressed", "big-endian", "strips", "ImageJ"])
def test_indexing_reads_what_numpy_would(tmp_path, movie, writer):
    data = read_stack(written(tmp_path, movie, **WRITERS[writer])).data
    for index in [2, -1, slice(1, 4), (slice(None), 3), (slice(0, 5, 2), slice(2, 9), slice(1, None, 3)), (..., 4)]:
        got = data[index]
        assert got.shape == movie[index].shape
        np.testing.assert_array_equal(got, movie[index])
    assert data[3:3].shape == (0, 13, 17)
    for wrong in [5, (0, 0, 17), (0, 0, 0, 0), slice(None, None, -1)]:
        with pytest.raises(IndexError):
            data[wrong]


@pytest.mark.parametrize("writer", ["ImageJ", "OME", "tifffile"])
def test_hyperstacks_come_in_the_order_of_a_stack(tmp_path, rng, writer):
    images = rng.integers(0, 1000, (4, 3, 2, 13, 17), dtype=np.uint16)  # T, Z, C: the order of ImageJ's files
    kwargs = {"ImageJ": {"imagej": True}, "OME": {"ome": True}, "tifffile": {}}[writer]
    path = written(tmp_path, images, "a.ome.tif" if writer == "OME" else "a.tif", metadata={"axes": "TZCYX"}, **kwargs)
    stack = read_stack(path)
    assert stack.axes == "TCZYX"
    np.testing.assert_array_equal(stack.data, images.transpose(0, 2, 1, 3, 4))
    np.testing.assert_array_equal(stack.data[1, :, 2, 3:5, ::2], images[1, 2, :, 3:5, ::2])
    view = stack.view(channel=1, plane="max")
    np.testing.assert_array_equal(view.read(1, 3)[:, 0], images[1:3, :, 1].max(axis=1))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colours_are_channels(tmp_path, rng, planar, compression):
    images = rng.integers(0, 255, (4, 3, 13, 17), dtype=np.uint8)
    stored = images if planar == "separate" else np.moveaxis(images, 1, -1)
    path = written(tmp_path, stored, photometric="rgb", planarconfig=planar, compression=compression)
    stack = read_stack(path)
    assert stack.axes == "TCYX"
    np.testing.assert_array_equal(stack.data, images)
    np.testing.assert_array_equal(stack.data[2, 1, 4:9, 3], images[2, 1, 4:9, 3])


def test_images_of_an_ome_file_are_positions(tmp_path, movie):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        for offset in range(3):
            tif.write(movie + offset, metadata={"axes": "TYX"})
    stack = read_stack(tmp_path / "a.ome.tif")
    assert stack.axes == "PTYX"
    np.testing.assert_array_equal(stack.data, np.stack([movie, movie + 1, movie + 2]))


def ome_xml(files, shape, *, pixels=""):
    """OME-XML of a movie whose frames lie in several files, an equal share in each."""
    n, rows, columns = shape
    share = n // len(files)
    data = "".join(
        f'<TiffData IFD="{i}" FirstT="{f * share + i}" PlaneCount="1"><UUID FileName="{file}">urn:{f}</UUID></TiffData>'
        for f, file in enumerate(files)
        for i in range(share)
    )
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:0"><Image '
        f'ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{columns}" SizeY="{rows}" '
        f'SizeZ="1" SizeC="1" SizeT="{n}" {pixels}><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}'
        "</Pixels></Image></OME>"
    )


@pytest.fixture
def ome_files(tmp_path, rng):
    """A movie of 6 frames over three OME-TIFF files."""
    images = rng.integers(0, 1000, (6, 13, 17), dtype=np.uint16)
    names = [f"part{i}.ome.tif" for i in range(3)]
    for i, name in enumerate(names):
        text = ome_xml(names, images.shape).replace('UUID="urn:0"', f'UUID="urn:{i}"', 1)
        written(tmp_path, images[2 * i : 2 * i + 2], name, metadata=None, description=text)
    return [tmp_path / name for name in names], images


@pytest.mark.parametrize("which", [0, 1, "folder"])
def test_ome_over_several_files(ome_files, which):
    files, images = ome_files
    stack = read_stack(files[0].parent if which == "folder" else files[which])
    np.testing.assert_array_equal(stack.data, images)


def test_ome_whose_last_file_is_missing_has_the_frames_before(ome_files):
    files, images = ome_files
    files[2].unlink()
    with pytest.warns(PinpointWarning, match="announces 6 frames, but holds 4"):
        stack = read_stack(files[0])
    np.testing.assert_array_equal(stack.data, images[:4])


def test_a_gap_in_an_acquisition_is_an_error_where_it_is_read(ome_files):
    files, images = ome_files
    files[1].unlink()
    stack = read_stack(files[0])
    np.testing.assert_array_equal(stack.data[4:], images[4:])
    with pytest.raises(PinpointError, match="no image at time 2"):
        stack.view().read(0, 6)


def test_a_renamed_ome_file_is_still_read(tmp_path, movie):
    path = written(tmp_path, movie, "a.ome.tif", ome=True)
    stack = read_stack(path.rename(tmp_path / "b.tif"))
    np.testing.assert_array_equal(stack.data, movie)


def test_a_companion_file_holds_the_axes(tmp_path, movie):
    (tmp_path / "a.companion.ome").write_text(ome_xml(["a.ome.tif"], MOVIE, pixels='PhysicalSizeX="0.1"'))
    only = '<?xml version="1.0"?><OME><BinaryOnly MetadataFile="a.companion.ome" UUID="urn:0"/></OME>'
    stack = read_stack(written(tmp_path, movie, "a.ome.tif", metadata=None, description=only))
    np.testing.assert_array_equal(stack.data, movie)
    assert stack.pixel_size_nm == pytest.approx(100)


def test_broken_ome_xml_leaves_the_pages(tmp_path, movie):
    path = written(tmp_path, movie, metadata=None, description="<OME><Image></OME>")
    with pytest.warns(PinpointWarning, match="OME metadata cannot be used"):
        np.testing.assert_array_equal(read_stack(path).data, movie)


def test_slices_without_distance_are_frames(tmp_path, movie):
    """ImageJ calls the frames of any movie slices; only a hyperstack or a distance makes them planes."""
    plain = written(tmp_path, movie, imagej=True, metadata={"axes": "ZYX", "hyperstack": False})
    stack = read_stack(plain)
    assert stack.axes == "TYX"
    assert "taken as frames" in stack.sources["axes"]
    spaced = written(tmp_path, movie, "z.tif", imagej=True, metadata={"axes": "ZYX", "spacing": 0.3, "unit": "um"})
    assert read_stack(spaced).axes == "ZYX"


@pytest.mark.parametrize(("given", "axes"), [("ZYX", "ZYX"), ("CYX", "CYX"), ("tyx", "TYX")])
def test_axes_can_be_given(tmp_path, movie, given, axes):
    stack = read_stack(written(tmp_path, movie), axes=given)
    assert (stack.axes, stack.sources["axes"]) == (axes, f"given as {axes}")
    np.testing.assert_array_equal(stack.data, movie)


def test_given_axes_are_put_in_order(tmp_path, rng):
    images = rng.integers(0, 255, (2, 3, 13, 17), dtype=np.uint8)
    path = written(tmp_path, images)
    with pytest.raises(PinpointError, match=r"axes of sizes \(2, 3\).*axes='TCYX'"):
        read_stack(path)
    stack = read_stack(path, axes="CTYX")
    assert stack.axes == "TCYX"
    np.testing.assert_array_equal(stack.data, images.transpose(1, 0, 2, 3))


def test_axes_of_length_1_may_be_named_too(tmp_path, movie):
    assert read_stack(written(tmp_path, movie[0]), axes="TYX").axes == "YX"


@pytest.mark.parametrize("axes", ["YX", "ZCYX", "YXT", "TTX", "SYX"])
def test_axes_that_do_not_fit_are_refused(tmp_path, movie, axes):
    with pytest.raises(PinpointError, match=r"does not fit .*TYX have sizes \(5, 13, 17\)"):
        read_stack(written(tmp_path, movie), axes=axes)


@pytest.mark.parametrize("kwargs", [{}, {"compression": "zlib"}, {"metadata": None}], ids=["plain", "zlib", "bare"])
def test_numbered_files_are_frames_in_their_order(tmp_path, rng, kwargs):
    images = rng.integers(0, 255, (12, 13, 17), dtype=np.uint8)
    for i, image in enumerate(images):
        written(tmp_path, image, f"frame{i}.tif", **kwargs)  # as text, frame10 comes before frame2
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._frame0.tif").write_bytes(b"what macOS leaves on foreign disks")
    for path in [tmp_path, tmp_path / "frame*.tif", str(tmp_path / "frame*.tif")]:
        stack = read_stack(path)
        assert stack.axes == "TYX"
        np.testing.assert_array_equal(stack.data, images)
        assert stack.path == str(path)  # so that the same can be read again
    chosen = [tmp_path / f"frame{i}.tif" for i in (7, 3)]
    np.testing.assert_array_equal(read_stack(chosen).data, images[[7, 3]])


def test_stacks_of_a_series_are_put_behind_one_another(tmp_path, movie):
    """As ImageJ and cameras split long movies; the last part is shorter."""
    settings = {"imagej": True, "resolution": (10, 10), "metadata": {"axes": "TYX", "unit": "um", "finterval": 0.1}}
    written(tmp_path, movie, "run.tif", **settings)
    written(tmp_path, movie[:3] + 1, "run_2.tif", **settings)
    stack = read_stack(tmp_path)
    np.testing.assert_array_equal(stack.data, np.concatenate([movie, movie[:3] + 1]))
    np.testing.assert_array_equal(stack.data[3:7, 2], np.concatenate([movie, movie[:3] + 1])[3:7, 2])
    assert stack.pixel_size_nm == pytest.approx(100)
    np.testing.assert_allclose(stack.frame_times_s, 0.1 * np.arange(8))


def test_a_number_that_is_missing_is_told(tmp_path, movie):
    for i in (0, 1, 2, 4):
        written(tmp_path, movie[i], f"frame{i:03}.tif")
    with pytest.warns(PinpointWarning, match=r"frame004\.tif follows frame002\.tif"):
        read_stack(tmp_path)


def test_a_reader_can_be_pickled_and_used_again(tmp_path, movie):
    stack = read_stack(written(tmp_path, movie, **WRITERS["tiles, compressed"]))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stack.data))[2], movie[2])


def test_reading_a_part_takes_the_memory_of_a_part(tmp_path):
    path = tmp_path / "sparse.tif"
    tifffile.imwrite(path, shape=(4000, 64, 64), dtype="uint16", bigtiff=True, metadata=None)
    stack = read_stack(path)
    tracemalloc.start()
    assert stack.data[3000:3010, 10:20].shape == (10, 10, 64)
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def chain_of(path, gaps):
    """A file of empty pages at the given distances."""
    offsets = np.cumsum([8, *gaps])
    body = bytearray(int(offsets[-1]) + 18)
    struct.pack_into("<2sHI", body, 0, b"II", 42, 8)
    for i, offset in enumerate(offsets):
        following = offsets[i + 1] if i + 1 < len(offsets) else 0
        struct.pack_into("<HHHIII", body, offset, 1, 256, 4, 1, 17, following)
    path.write_bytes(bytes(body))
    return offsets


@pytest.mark.parametrize(
    ("gaps", "probed"),
    [
        ([50] * 3000, True),
        ([90] + [50] * 3000, True),
        ([50] * 10, False),
        ([50] * 2000 + [52] + [50] * 2000, False),
        ([50 + i % 3 for i in range(3000)], False),
    ],
    ids=["equal", "longer first", "short", "one that differs", "all differ"],
)
def test_pages_are_found_without_reading_them_all(tmp_path, gaps, probed):
    path = tmp_path / "chain.tif"
    offsets = chain_of(path, gaps)
    chain = PageChain(path, read_format(path))
    assert (chain.probed, chain.broken) == (probed, False)
    np.testing.assert_array_equal(chain.offsets, offsets)


def test_a_wrong_guess_about_pages_is_noticed_when_they_are_read(tmp_path, rng):
    """One page among thousands was written twice: the probes cannot see it, reading does."""
    images = rng.integers(0, 255, (WALKED + 500, 4, 4), dtype=np.uint8)
    path = written(tmp_path, images, metadata=None, contiguous=False)
    offsets = PageChain(path, read_format(path)).offsets
    body = bytearray(path.read_bytes())
    tags = struct.unpack_from("<H", body, offsets[0])[0]
    skipped = WALKED + 101  # its predecessor points past it, and its own directory is wiped out
    pointer = offsets[skipped - 1] + 2 + 12 * tags
    struct.pack_into("<I", body, pointer, int(offsets[skipped + 1]))
    struct.pack_into("<H", body, offsets[skipped], 0)
    path.write_bytes(bytes(body))
    stack = read_stack(path)
    with pytest.raises(PinpointError, match=r"truncated|damaged|no image"):
        stack.view().read(0, stack.n_frames)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "axes", "shape"),
    [
        ("smlm_high_density/ArtificialDataset_demo1.tif", "TYX", (20, 64, 64)),
        ("unlabelled/timelapse_telomeres_2d.tif", "TYX", (200, 133, 162)),
        ("unlabelled/stuck.tif", "TYX", (5, 512, 512)),
        ("unlabelled/img_terra_2d.tif", "YX", (1024, 1024)),
        ("unlabelled/img_synth_3d.tif", "TYX", (32, 128, 128)),
        ("tables/locan/images.tif", "TYX", (5, 128, 128)),
        ("spots/piscis_macrophages.tif", "TYX", (2, 256, 256)),
        ("nuclei/img2d.tif", "YX", (512, 512)),
    ],
)
def test_real_files(data_folder, name, axes, shape):
    stack = read_stack(data_folder / name)
    assert (stack.axes, stack.shape) == (axes, shape)
    np.testing.assert_array_equal(stack.data, tifffile.imread(data_folder / name))
