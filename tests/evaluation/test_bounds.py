"""The Cramer-Rao bound, exact and in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pinpoint import Camera, Localizations
from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation import closed_form_bound, cramer_rao_bound, frame_bounds
from napari_pinpoint.localizations import FLAGS

#: Photons, background, sigma; exact bound in 7 x 7, 11 x 11 and 25 x 25 px (mean variance over positions within the
#: pixel), Mortensen's integral, Rieger's closed form: standard errors of one axis in pixels, computed independently.
TABLE = [
    (200, 1, 1.0, 0.0850, 0.0850, 0.0850, 0.0849, 0.0865),
    (500, 10, 1.0, 0.0644, 0.0644, 0.0644, 0.0643, 0.0652),
    (1000, 1, 1.3, 0.0461, 0.0452, 0.0452, 0.0452, 0.0459),
    (1000, 10, 1.3, 0.0566, 0.0563, 0.0563, 0.0562, 0.0571),
    (1000, 100, 1.0, 0.0684, 0.0684, 0.0684, 0.0684, 0.0685),
    (5000, 0.1, 1.3, 0.0197, 0.0189, 0.0189, 0.0189, 0.0190),
]
EMCCD = Camera(100, 45, em_gain=300, read_noise_e=74.4)


def bound(y=12.0, x=12.0, photons=1000.0, *, background=10.0, psf_sigma=1.3, shape=(25, 25), **settings):
    return cramer_rao_bound(y, x, photons, background=background, psf_sigma=psf_sigma, shape=shape, **settings)


@pytest.mark.parametrize(("photons", "background", "sigma", "small", "medium", "large"), [row[:6] for row in TABLE])
def test_exact_bound_has_the_known_values(photons, background, sigma, small, medium, large):
    offsets = np.arange(-0.4, 0.5, 0.2)
    for size, expected in ((7, small), (11, medium), (25, large)):
        variances = [
            bound(size // 2 + dy, size // 2 + dx, photons, background=background, psf_sigma=sigma, shape=(size, size))
            .covariance[0, [0, 1], [0, 1]]
            .mean()
            for dy in offsets
            for dx in offsets
        ]
        assert np.sqrt(np.mean(variances)) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize(("photons", "background", "sigma", "mortensen", "rieger"), [r[:3] + r[6:] for r in TABLE])
def test_closed_forms_have_the_known_values(photons, background, sigma, mortensen, rieger):
    assert closed_form_bound(photons, background, sigma) == pytest.approx(rieger, abs=6e-5)
    assert closed_form_bound(photons, background, sigma, form="mortensen") == pytest.approx(mortensen, abs=6e-5)


def test_closed_forms_broadcast_and_stay_finite_at_the_extremes():
    """Without background only the photons count: sa / sqrt(N)."""
    photons = np.array([100.0, 1e4])
    for form in ("rieger", "mortensen"):
        np.testing.assert_allclose(
            closed_form_bound(photons, 0, 1.0, form=form), np.sqrt((1 + 1 / 12) / photons), rtol=1e-5
        )
        assert np.isinf(closed_form_bound(0, 1.0, 1.0, form=form))
    with pytest.raises(PinpointError, match="no closed form 'thompson'"):
        closed_form_bound(100, 1, 1, form="thompson")


def test_excess_noise_and_read_variance_act_as_the_equation_says():
    """Dividing F mu + v by F shows that it is F times the variance of a background of b + v / F."""
    known = bound(excess_noise=2, read_variance=6.0).uncertainty_x
    np.testing.assert_allclose(known, np.sqrt(2) * bound(background=13.0).uncertainty_x)
    closed = closed_form_bound(1000, 10, 1.3, excess_noise=2, read_variance=6)
    assert closed == pytest.approx(np.sqrt(2) * closed_form_bound(1000, 13, 1.3))
    assert known[0] == pytest.approx(closed, rel=0.02)


def test_noisy_pixels_matter_where_the_light_is():
    quiet = bound().radial[0]
    noise = np.zeros((25, 25))
    noise[11:14, 13] = 1e4
    assert bound(read_variance=noise).radial[0] > 1.05 * quiet
    assert bound(read_variance=np.roll(noise, 11, axis=0)).radial[0] == pytest.approx(quiet, rel=1e-3)


def test_an_elongated_spot_is_known_better_across():
    wide = bound(psf_sigma=(1.0, 2.0))
    assert wide.uncertainty_y[0] < 0.6 * wide.uncertainty_x[0]
    assert wide.radial[0] == pytest.approx(np.hypot(wide.uncertainty_y[0], wide.uncertainty_x[0]))


def test_a_free_width_costs_photons_but_not_position():
    fixed, free = bound(), bound(free_sigma=True)
    np.testing.assert_allclose(free.uncertainty_x, fixed.uncertainty_x, rtol=1e-6)
    assert free.uncertainty_photons[0] > 1.05 * fixed.uncertainty_photons[0]
    assert fixed.uncertainty_psf_sigma[0] == 0
    # The closed form of Rieger and Stallinga for the width is 2 to 7 % below the exact value.
    area = 1.3**2 + 1 / 12
    tau = 2 * np.pi * area * 10 / 1000
    width = np.sqrt(area / 4000 * (1 + 8 * tau + np.sqrt(9 * tau / (1 + 4 * tau))))
    assert 1.0 < free.uncertainty_psf_sigma[0] / width < 1.08


def test_photons_alone_follow_shot_noise():
    assert bound(background=1e-3).uncertainty_photons[0] == pytest.approx(np.sqrt(1000), rel=0.02)


def test_a_neighbour_costs_precision_the_more_the_closer_it_is():
    shape = (25, 60)
    alone = bound(shape=shape).radial[0]
    radial = [bound([12, 12], [12, 12 + d], shape=shape).radial[0] for d in (30, 5, 4, 3, 2, 1, 0.5)]
    assert radial[0] == pytest.approx(alone, rel=1e-3)
    assert np.all(np.diff(radial) > 0)
    assert radial[-1] > 5 * alone


def test_emitters_that_cannot_be_told_apart_are_unknown_and_the_others_are_not():
    """Two at the same place, one without photons, and one that is fine."""
    together = bound([8, 8, 16, 30], [8, 8, 16, 30], [500, 500, 0, 1000], shape=(40, 40))
    np.testing.assert_array_equal(np.isinf(together.radial), [True, True, True, False])
    assert together.radial[3] == pytest.approx(bound(30, 30, shape=(40, 40)).radial[0], rel=1e-3)
    assert np.isfinite(together.uncertainty_background)


def test_no_light_beside_the_emitter_is_no_problem():
    assert bound(background=0).uncertainty_x[0] == pytest.approx(closed_form_bound(1000, 0, 1.3), rel=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"background": np.ones((3, 3))}, r"background as a number or of shape \(25, 25\), not \(3, 3\)"),
        ({"psf_sigma": [1.0, 1.1, 1.2]}, r"psf_sigma as a number or of shape \(1, 2\)"),
        ({"psf_sigma": 0}, "psf_sigma above 0"),
        ({"background": -1}, "background that are not negative"),
        ({"photons": np.nan}, "finite values of photons"),
    ],
)
def test_bad_input(settings, message):
    with pytest.raises(PinpointError, match=message):
        bound(**settings)


def scene(y, x, *, frame=0, flags=0, photons=1000.0, background=10.0) -> Localizations:
    columns = {"frame": frame, "flags": flags, "photons": photons, "background": background}
    columns |= {"psf_sigma_y": 1.1, "psf_sigma_x": 1.1}
    return Localizations({"y": y, "x": x, **{name: np.broadcast_to(v, len(y)) for name, v in columns.items()}})


def test_frame_bounds_are_joint_within_a_frame_and_apart_between_frames():
    """Rows 0 and 2 are neighbours in frame 4; row 1 is alone in frame 1."""
    truth = scene([12.0, 12.0, 12.0], [12.0, 12.0, 14.0], frame=[4, 1, 4])
    radial = frame_bounds(truth, Camera(), (25, 25))
    both = bound([12, 12], [12, 14], psf_sigma=1.1).radial
    np.testing.assert_allclose(radial, [both[0], bound(psf_sigma=1.1).radial[0], both[1]], rtol=1e-6)


def test_frame_bounds_know_the_camera():
    truth = scene([12.0], [12.0])
    expected = bound(psf_sigma=1.1, excess_noise=2, read_variance=(74.4 / 300) ** 2).radial
    np.testing.assert_allclose(frame_bounds(truth, EMCCD, (25, 25)), expected, rtol=1e-6)
    spurious = Camera(clock_induced_charge_e=3.0)
    np.testing.assert_allclose(
        frame_bounds(truth, spurious, (25, 25)), bound(psf_sigma=1.1, background=13).radial, rtol=1e-6
    )


def test_each_emitter_has_its_own_background():
    radial = frame_bounds(scene([12.0, 12.0], [12.0, 48.0], background=[1.0, 100.0]), Camera(), (25, 61))
    for value, level in zip(radial, (1, 100), strict=True):
        assert value == pytest.approx(bound(background=level, psf_sigma=1.1).radial[0], rel=0.01)


def test_emitters_to_ignore_shine_but_are_not_estimated():
    truth = scene([12.0, 12.0], [12.0, 13.0], flags=[0, FLAGS["ignore"]])
    radial = frame_bounds(truth, Camera(), (25, 25))
    assert np.isnan(radial[1])
    alone, estimated = bound(psf_sigma=1.1).radial[0], bound([12, 12], [12, 13], psf_sigma=1.1).radial[0]
    assert alone * 1.05 < radial[0] < estimated


def test_windows_make_no_difference(rng, monkeypatch):
    """Also for emitters beyond the edge of the frame, which belong to the window there."""
    y, x = rng.uniform(-1, 60, (2, 150))
    truth = scene(y, x, frame=rng.integers(0, 2, 150))
    whole = frame_bounds(truth, EMCCD, (60, 60))
    monkeypatch.setattr("napari_pinpoint.evaluation.bounds_of_frames._CORE", 20)
    np.testing.assert_allclose(frame_bounds(truth, EMCCD, (60, 60)), whole, rtol=0.01)
    assert np.isfinite(whole).all()


def test_frame_bounds_of_nothing_and_of_too_little():
    assert len(frame_bounds(scene([], []), Camera(), (25, 25))) == 0
    with pytest.raises(PinpointError, match="no column 'background'"):
        frame_bounds(scene([1.0], [1.0]).without_columns("background"), Camera(), (25, 25))
    with pytest.raises(PinpointError, match="read noise as a number or of shape"):
        frame_bounds(scene([1.0], [1.0]), Camera(read_noise_e=np.ones((5, 5))), (25, 25))
