"""Blinking: which emitter is on in which frame, and for how much of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Emissions(NamedTuple):
    """One row for each emission and each frame it reaches into."""

    emission: Array  # index of the emission
    frame: Array
    fraction: Array  # part of the frame during which it is on, above 0 and at most 1


def steady(n_movies: int, n_frames: int, per_frame: Array, rng: np.random.Generator) -> Emissions:
    """Emissions that last exactly one frame; `per_frame` is their mean number in each movie's frames, (n_movies,)."""
    counts = rng.poisson(np.repeat(per_frame, n_frames))
    frame = np.repeat(np.arange(n_movies * n_frames), counts)
    return Emissions(np.arange(len(frame)), frame, np.ones(len(frame)))


def exponential(
    n_movies: int, n_frames: int, per_frame: Array, on_time_frames: float, rng: np.random.Generator
) -> Emissions:
    """Emissions that start at any time and last for exponentially distributed times: first and last frame are partial.

    Emissions are a Poisson process in its steady state from the first frame on: exponential times have no memory, so
    one that was on before lasts from there as long as one that starts there.

    Parameters
    ----------
    n_movies, n_frames
        Movies, independent of each other, and frames in each. They are numbered through: frame f of movie m is
        ``m * n_frames + f``.
    per_frame
        Mean number of emissions that reach into a frame of each movie, (n_movies,).
    on_time_frames
        Mean duration in frames.
    """
    # Into a frame reach those that are on at its beginning (rate * on time) and those that start in it (rate).
    rate = per_frame / (on_time_frames + 1)
    before, during = rng.poisson(rate * on_time_frames), rng.poisson(rate * n_frames)
    movie = np.repeat(np.arange(n_movies), before + during)
    rank = np.arange(len(movie)) - np.repeat(np.cumsum(before + during) - before - during, before + during)
    start = np.where(rank < before[movie], 0.0, rng.uniform(0, n_frames, len(movie)))
    stop = np.minimum(start + rng.exponential(on_time_frames, len(movie)), n_frames)

    first = np.floor(start).astype(np.int64)
    lasting = np.maximum(np.ceil(stop).astype(np.int64) - first, 1)
    emission = np.repeat(np.arange(len(movie)), lasting)
    frame = first[emission] + np.arange(len(emission)) - np.repeat(np.cumsum(lasting) - lasting, lasting)
    fraction = np.minimum(stop[emission], frame + 1) - np.maximum(start[emission], frame)
    lit = fraction > 0
    return Emissions(emission[lit], (movie[emission] * n_frames + frame)[lit], fraction[lit])


def joined(emissions: Emissions, particle: Array) -> tuple[Emissions, Array]:
    """Emissions of given particles (one for each emission), sorted by frame, and the particle of every row.

    A particle that is on twice in a frame is one emitter there, and one row.
    """
    particle = particle[emissions.emission]
    count = int(particle.max(initial=0)) + 1
    key, first, group = np.unique(emissions.frame * count + particle, return_index=True, return_inverse=True)
    fraction = np.minimum(np.bincount(group, emissions.fraction, minlength=len(key)), 1.0)
    return Emissions(emissions.emission[first], emissions.frame[first], fraction), particle[first]
