"""How well positions can be known at all: the Cramer-Rao bound, exact and in closed form.

Expected photoelectrons in pixel k are mu_k = sum_i N_i h_k(y_i, x_i, s_i) + b_k, with the pixel-integrated Gaussian h
of `psf`. Shot noise, multiplied by an excess noise factor F (2 with EM gain, else 1), and a read variance v_k in
photoelectrons^2 make the variance F mu_k + v_k, and the Fisher information of parameters p and q is

    I_pq = sum_k (d mu_k / d p) (d mu_k / d q) / (F mu_k + v_k)

(Smith et al., Nature Methods 7, 373, 2010; Huang et al., Nature Methods 10, 653, 2013, for per-pixel read noise). No
unbiased estimator has a covariance below the inverse of I.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_solve, cholesky
from scipy.special import spence

from napari_pinpoint.errors import PinpointError
from napari_pinpoint.evaluation.matching import Floats
from napari_pinpoint.psf import gaussian_derivatives


@dataclass(frozen=True, eq=False)
class Bound:
    """Smallest standard errors (1 sigma) that emitters seen together allow; infinite where the image says nothing.

    Attributes
    ----------
    covariance
        Bound of the covariance of each emitter's y, x, photons and, where it is free, sigma: shape (K, 3 or 4, 3 or 4).
    uncertainty_background
        Of the background that all of them share, in photoelectrons per pixel.
    positions
        Bound of the covariance of all y, then all x, together: shape (2 K, 2 K). Errors of neighbours depend on each
        other.
    """

    covariance: Floats
    uncertainty_background: float
    positions: Floats

    @property
    def uncertainty_y(self) -> Floats:
        """Of y in pixels, shape (K,)."""
        return self._uncertainty(0)

    @property
    def uncertainty_x(self) -> Floats:
        """Of x in pixels, shape (K,)."""
        return self._uncertainty(1)

    @property
    def radial(self) -> Floats:
        """Smallest radial root mean square error in pixels, shape (K,): sqrt(var(y) + var(x))."""
        return np.hypot(self.uncertainty_y, self.uncertainty_x)

    @property
    def uncertainty_photons(self) -> Floats:
        """Of the photons, shape (K,)."""
        return self._uncertainty(2)

    @property
    def uncertainty_psf_sigma(self) -> Floats:
        """Of the width in pixels, shape (K,); zero where it was taken as known."""
        return self._uncertainty(3) if self.covariance.shape[1] == 4 else np.zeros(len(self.covariance))

    def _uncertainty(self, parameter: int) -> Floats:
        return np.sqrt(self.covariance[:, parameter, parameter])


def cramer_rao_bound(
    y: ArrayLike,
    x: ArrayLike,
    photons: ArrayLike,
    *,
    background: ArrayLike,
    psf_sigma: ArrayLike,
    shape: tuple[int, int],
    excess_noise: float = 1.0,
    read_variance: ArrayLike = 0.0,
    free_sigma: bool = False,
) -> Bound:
    """Cramer-Rao bound of emitters that share an image, all estimated at once together with a constant background.

    Parameters
    ----------
    y, x
        Positions in pixels of the image, numbers or shape (K,).
    photons
        Photoelectrons of each emitter, a number or shape (K,).
    background
        Expected photoelectrons per pixel besides the emitters, a number or shape (Y, X).
    psf_sigma
        Width of the Gaussian in pixels: what broadcasts to (K, 2), that is a number, (sigma_y, sigma_x), one row for
        each emitter.
    shape
        Rows and columns of the image.
    excess_noise
        Factor on the variance of the shot noise (`Camera.excess_noise`): 2 with EM gain.
    read_variance
        Variance of the read-out in photoelectrons^2, a number or shape (Y, X) (sCMOS).
    free_sigma
        Whether each emitter's width is estimated too, one width for both axes.

    Raises
    ------
    PinpointError
        For shapes that do not fit, values that are not finite, or negative photons, background or variance.

    Examples
    --------
    >>> bound = cramer_rao_bound(12, 12, 1000, background=10, psf_sigma=1.3, shape=(25, 25))
    >>> bound.uncertainty_x.round(4)
    array([0.0563])
    """
    ys, xs, ns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (y, x, photons)))
    sigma = broadcast("psf_sigma", psf_sigma, (len(ys), 2))
    level = broadcast("background", background, shape)
    variance = broadcast("read_variance", read_variance, shape)
    _check(sigma, photons=ns, background=level, read_variance=variance)
    images = gaussian_derivatives(shape, ys, xs, ns, sigma[:, 0], sigma[:, 1])
    mean = level + np.sum(images["image"], axis=0)
    slopes = [images["y"], images["x"], images["photons"]]
    slopes += [images["sigma_y"] + images["sigma_x"]] if free_sigma else []
    # Rows: y of every emitter, then x of every emitter, and so on; the background is the last.
    derivatives = np.concatenate([*slopes, np.ones((1, *shape))]).reshape(-1, level.size)
    # Without light and read noise the variance is zero and the information infinite, which no inverse can take.
    weight = 1 / np.maximum(excess_noise * mean + variance, 1e-9).ravel()
    covariance = _inverse((derivatives * weight) @ derivatives.T)
    rows = np.arange(len(slopes) * len(ys)).reshape(len(slopes), -1).T
    return Bound(
        covariance=covariance[rows[:, :, None], rows[:, None, :]],
        uncertainty_background=float(np.sqrt(covariance[-1, -1])),
        positions=covariance[: 2 * len(ys), : 2 * len(ys)],
    )


def _check(sigma: Floats, **others: Floats) -> None:
    for name, values in others.items():
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise PinpointError(f"The bound needs finite values of {name} that are not negative.")
    if not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise PinpointError("The bound needs a psf_sigma above 0.")


def closed_form_bound(
    photons: ArrayLike,
    background: ArrayLike,
    psf_sigma: ArrayLike,
    *,
    excess_noise: float = 1.0,
    read_variance: ArrayLike = 0.0,
    form: Literal["rieger", "mortensen"] = "rieger",
) -> Floats:
    """Bound along one axis, in pixels, of a single emitter in a wide window; everything broadcasts.

    With sa^2 = s^2 + 1/12, b = background + read_variance / excess_noise and tau = 2 pi sa^2 b / N:

    ``"rieger"``: sa^2 / N (1 + 4 tau + sqrt(2 tau / (1 + 4 tau))), at most about 2 % above the exact bound (Rieger and
    Stallinga, ChemPhysChem 15, 664, 2014).

    ``"mortensen"``: sa^2 / N / (1 + integral of ln t / (1 + t / tau) over t from 0 to 1), within 0.2 % from a sigma of
    one pixel on (Mortensen et al., Nature Methods 7, 377, 2010).

    The parameters are those of `cramer_rao_bound`; the result times the square root of 2 is radial.

    Examples
    --------
    >>> round(float(closed_form_bound(1000, 10, 1.3)), 4)
    0.0571
    """
    n, level, sigma, variance = (
        np.asarray(v, dtype=np.float64) for v in (photons, background, psf_sigma, read_variance)
    )
    area = sigma**2 + 1 / 12
    with np.errstate(divide="ignore", invalid="ignore"):
        tau = 2 * np.pi * area * (level + variance / excess_noise) / n
        if form == "rieger":
            growth = 1 + 4 * tau + np.sqrt(2 * tau / (1 + 4 * tau))
        elif form == "mortensen":
            # The integral is tau Li2(-1 / tau), and scipy's spence(z) is Li2(1 - z). It vanishes with tau.
            tau = np.maximum(tau, 1e-12)
            growth = 1 / (1 + tau * spence(1 + 1 / tau))
        else:
            raise PinpointError(f"There is no closed form {form!r}; there are: rieger, mortensen.")
        return np.where(n > 0, np.sqrt(excess_noise * area / n * growth), np.inf)


def broadcast(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Values as float64, broadcast to the shape."""
    array = np.asarray(values, dtype=np.float64)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise PinpointError(f"The bound needs {name} as a number or of shape {shape}, not {array.shape}.") from None


#: Share of a parameter's information that must be its own; below, rounding decides and the parameter is unknown.
_OWN = 1e-12


def _inverse(information: Floats) -> Floats:
    """Inverse of a Fisher matrix; parameters that the data do not determine get an infinite variance.

    The matrix is scaled to a unit diagonal first, since photons and pixels differ by orders of magnitude.
    """
    covariance = np.full_like(information, np.nan)
    np.fill_diagonal(covariance, np.inf)
    some = np.flatnonzero(information.diagonal() > 0)
    scale = np.sqrt(information.diagonal()[some])
    scale = np.outer(scale, scale)
    correlation = information[np.ix_(some, some)] / scale
    known = np.ones(len(some), dtype=bool)
    try:
        root = cholesky(correlation, lower=True)
    except np.linalg.LinAlgError:
        root = None
    if root is not None and root.diagonal().min(initial=1.0) ** 2 > _OWN:
        inverse = cho_solve((root, True), np.eye(len(some)))
    else:
        values, vectors = np.linalg.eigh(correlation)
        null = values <= _OWN
        known = np.sum(vectors[:, null] ** 2, axis=1) < 1e-6
        inverse = (vectors[:, ~null] / values[~null]) @ vectors[:, ~null].T
    kept = some[known]
    covariance[np.ix_(kept, kept)] = (inverse / scale)[np.ix_(known, known)]
    return covariance
