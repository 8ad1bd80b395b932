"""Gain and offset from images alone, and settings that images contradict."""

from __future__ import annotations

import re

import numpy as np
import pytest

from napari_pinpoint.camera import Camera
from napari_pinpoint.camera_estimation import check_camera, estimate_camera
from napari_pinpoint.errors import PinpointError, PinpointWarning
from napari_pinpoint.io.images import read_stack
from napari_pinpoint.noise import measure_noise, variance_line
from napari_pinpoint.stack import Stack

SCMOS = Camera(offset_adu=100, electrons_per_adu=0.46, read_noise_e=1.6)
EMCCD = Camera(offset_adu=100, electrons_per_adu=45, em_gain=300, read_noise_e=74.4)
CAMERAS = pytest.mark.parametrize("camera", [SCMOS, EMCCD], ids=["scmos", "emccd"])


def light(n_frames, rng, *, size=96, background=10.0, emitters=15, photons=800.0, sigma=1.2):
    """Expected photoelectrons (T, Y, X): a background with a gradient, and spots at other places in every frame."""
    rows = np.arange(size)
    frames = np.full((n_frames, size, size), background) * (1 + 0.4 * np.sin(rows / size * 3))
    for frame in frames:
        y, x = (np.exp(-((rows - rng.uniform(0, size, (emitters, 1))) ** 2) / 2 / sigma**2) for _ in range(2))
        frame += photons / (2 * np.pi * sigma**2) * y.T @ x
    return frames.astype(np.float32)


def movie(camera, rng, n_frames=80, **scene):
    return Stack(camera.expose(light(n_frames, rng, **scene), rng), "TYX", camera, path="movie.tif")


@pytest.fixture(scope="module")
def movies():
    """One movie by each camera."""
    return {camera: movie(camera, np.random.default_rng(5)) for camera in (SCMOS, EMCCD)}


def unknown(stack, **known):
    """The same stack, its camera not known."""
    return Stack(stack.data, stack.axes, Camera(**known), path=stack.path)


@CAMERAS
def test_gain_and_offset_are_found_within_their_errors(camera, movies):
    stack = unknown(movies[camera])
    found = estimate_camera(stack, em_gain=camera.em_gain, read_noise_e=camera.read_noise_e)
    assert abs(found.electrons_per_adu - camera.electrons_per_adu) < 3 * found.electrons_per_adu_error
    assert abs(found.offset_adu - camera.offset_adu) < 3 * found.offset_adu_error
    assert found.electrons_per_adu_error < 0.15 * camera.electrons_per_adu


def test_errors_are_as_large_as_the_scatter_of_repetitions(rng):
    found = [estimate_camera(unknown(movie(SCMOS, rng, n_frames=20)), read_noise_e=1.6) for _ in range(10)]
    gains = np.array([one.electrons_per_adu for one in found])
    errors = np.array([one.electrons_per_adu_error for one in found])
    assert gains.mean() == pytest.approx(SCMOS.electrons_per_adu, rel=0.06)
    assert 0.5 < gains.std() / errors.mean() < 1.5


def test_the_camera_says_that_it_was_estimated_and_with_what_error(movies):
    found = estimate_camera(unknown(movies[SCMOS]))
    assert found.camera.is_calibrated
    assert found.camera.sources["electrons_per_adu"].startswith("estimated (±")
    assert "no EM gain" in found.assumption
    assert "no read noise" in found.assumption
    assert re.fullmatch(r"0\.\d+ ± 0\.\d+ electrons per count, offset \d+(\.\d)? ± [\d.]+ counts", str(found))


def test_what_is_known_stays_as_it_is(movies):
    found = estimate_camera(unknown(movies[SCMOS], offset_adu=101))
    assert found.camera.offset_adu == 101
    assert "offset_adu" not in found.camera.sources
    assert found.camera.sources["electrons_per_adu"].startswith("estimated")


def test_read_noise_that_is_not_known_lowers_the_offset(rng):
    camera = Camera(offset_adu=100, electrons_per_adu=0.5, read_noise_e=4)
    stack = unknown(movie(camera, rng))
    with_it, without = estimate_camera(stack, read_noise_e=4), estimate_camera(stack)
    # The line meets zero r^2 / K counts below the offset.
    assert with_it.offset_adu - without.offset_adu == pytest.approx(16 / with_it.electrons_per_adu, rel=1e-6)
    assert abs(with_it.offset_adu - 100) < 3 * with_it.offset_adu_error


def test_a_single_image_and_a_volume_will_do(movies, rng):
    image = movie(SCMOS, rng, n_frames=1, size=384, emitters=170)
    assert estimate_camera(unknown(image), read_noise_e=1.6).electrons_per_adu == pytest.approx(0.46, rel=0.2)
    planes = movies[SCMOS].data
    volume = Stack(planes.reshape(-1, 2, *planes.shape[1:]), "TZYX").view(plane="volume")
    assert estimate_camera(volume, read_noise_e=1.6).electrons_per_adu == pytest.approx(0.46, rel=0.2)


def test_what_stands_still_is_no_noise(rng):
    """Sharp structure (dust, hot pixels, sCMOS columns) cancels between consecutive frames."""
    frames = light(60, rng) + rng.gamma(0.3, 30, (96, 96)).astype(np.float32)
    found = estimate_camera(Stack(SCMOS.expose(frames, rng), "TYX"), read_noise_e=1.6)
    assert found.electrons_per_adu == pytest.approx(SCMOS.electrons_per_adu, rel=0.1)


def test_pixels_that_are_full_or_empty_do_not_count(rng):
    camera = SCMOS.with_values("given", saturation_adu=180)
    found = estimate_camera(Stack(movie(camera, rng).data, "TYX", Camera(saturation_adu=180)), read_noise_e=1.6)
    assert found.electrons_per_adu == pytest.approx(SCMOS.electrons_per_adu, rel=0.25)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.full((10, 64, 64), 100, np.uint16), "does not grow measurably with brightness"),
        (np.full((10, 64, 64), 100, np.uint16) + np.arange(64, dtype=np.uint16), "does not grow measurably"),
        (np.full((2, 12, 12), 100, np.uint16), "too few pixels to measure noise: 0 blocks"),
        (np.zeros((10, 64, 64), np.uint16), "neither 0 nor saturated"),
        (np.ones((4, 5, 5), np.uint16), "too few pixels"),
    ],
    ids=["constant", "noiseless", "small", "black", "tiny"],
)
def test_images_that_tell_nothing(frames, message):
    with pytest.raises(PinpointError, match=message):
        estimate_camera(Stack(frames, "TYX", path="a.tif"))


def test_noise_without_a_range_of_brightness(rng):
    frames = rng.normal(500, 20, (40, 64, 64)).astype(np.uint16)
    with pytest.raises(PinpointError, match=r"a\.tif: the noise does not grow measurably"):
        estimate_camera(Stack(frames, "TYX", path="a.tif"))


def test_smoothed_images_are_refused(movies):
    frames = movies[SCMOS].data.astype(np.float32)
    smooth = (frames[:, 1:, 1:] + frames[:, :-1, 1:] + frames[:, 1:, :-1] + frames[:, :-1, :-1]) / 4
    with pytest.raises(PinpointError, match="smoothed, resized or compressed"):
        estimate_camera(Stack(smooth, "TYX"))


@CAMERAS
def test_right_settings_raise_no_warning(camera, movies):
    assert check_camera(movies[camera], camera) == []
    assert check_camera(movies[camera].view(), Camera()) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"offset_adu": 150.0}, r"darkest areas have 1\d\d counts, less than the offset of 150"),
        ({"offset_adu": 0.0}, "The offset is probably higher"),
        ({"electrons_per_adu": 1 / 0.46}, r"Is 2\.17 the counts per electron\? Then give 0\.46"),
        ({"electrons_per_adu": 1.4}, "If the camera has an EM gain, give it"),
        ({"electrons_per_adu": 0.23}, "were several frames averaged"),
        ({"em_gain": 100.0}, "Check electrons per count and EM gain"),
    ],
)
def test_settings_that_cannot_be_true_say_what_was_seen(movies, wrong, message):
    stack = movies[SCMOS]
    with pytest.warns(PinpointWarning, match=rf"movie\.tif: .*{message}"):
        assert len(check_camera(stack, SCMOS.with_values("given", **wrong))) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"offset_adu": 150.0}, "The offset is probably lower"),
        ({"offset_adu": 0.0}, "The offset is probably higher"),
        ({"em_gain": 1.0}, r"not 45\. If the camera has an EM gain, give it"),
        ({"electrons_per_adu": 45 / 300}, "Is the EM gain already divided out"),
        ({"electrons_per_adu": 1 / 45}, "the counts per electron"),
    ],
)
def test_settings_of_an_emccd_that_cannot_be_true(movies, wrong, message):
    stack = movies[EMCCD]
    with pytest.warns(PinpointWarning, match=message):
        check_camera(stack, EMCCD.with_values("given", **wrong))


def test_saturated_and_constant_frames_are_told(rng):
    camera = SCMOS.with_values("given", saturation_adu=180)
    with pytest.warns(PinpointWarning, match=r"[\d.]+% of the pixels are saturated"):
        check_camera(movie(camera, rng), camera)
    with pytest.warns(PinpointWarning, match="constant: there is no noise"):
        check_camera(Stack(np.full((5, 64, 64), 120, np.uint16), "TYX"), SCMOS)


def test_the_filter_measures_variance_where_it_measures_brightness(rng):
    """White noise whose variance varies from pixel to pixel: block by block, the ratio to brightness is kept."""
    mean = np.linspace(50, 500, 128, dtype=np.float32) * np.ones((60, 128, 1), np.float32)
    noise = measure_noise(Stack(rng.poisson(mean).astype(np.uint16), "TYX").view())
    slope, intercept = variance_line(noise.mean, noise.variance)
    assert slope == pytest.approx(1, abs=0.03)
    assert intercept == pytest.approx(0, abs=8)
    assert noise.is_independent


def test_only_a_part_of_a_long_stack_is_read(rng):
    class Counting(np.ndarray):
        reads = 0

        def __getitem__(self, index):
            Counting.reads += 1
            return super().__getitem__(index)

    data = rng.poisson(np.linspace(20, 90, 64), (400, 64, 64)).astype(np.uint16).view(Counting)
    noise = measure_noise(Stack(data, "TYX").view(), pixels=64 * 64 * 20)
    assert noise.n_frames == 20


@pytest.mark.data
def test_the_camera_of_a_simulated_movie_of_others(data_folder):
    """2.06 counts per photon, EM gain: the numbers in the data's README, measured from its truth."""
    stack = read_stack(data_folder / "smlm_high_density/ArtificialDataset_demo1.tif")
    found = estimate_camera(stack, em_gain=300)
    assert found.electrons_per_adu == pytest.approx(145.4, abs=2 * found.electrons_per_adu_error)
    assert found.offset_adu == pytest.approx(100, abs=2 * found.offset_adu_error)
    assert check_camera(stack, Camera(offset_adu=100, electrons_per_adu=145.4, em_gain=300)) == []


@pytest.mark.data
def test_real_dstorm_frames(data_folder):
    found = estimate_camera(read_stack(data_folder / "tables/locan/images.tif"))
    assert found.offset_adu == pytest.approx(475, abs=40)
    assert 0.05 < found.electrons_per_adu < 0.3
