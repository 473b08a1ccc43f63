"""Signed distances (negative inside) and height profiles in a dish's own frame, where it roughly fills the unit disc."""

import math

import numpy as np
from jaxtyping import Float

# Scalars here are Python floats: NumPy's own would turn the float32 arrays into float64, at twice the time.
Field = Float[np.ndarray, "h w"]


def circle(u: Field, v: Field, x: float, y: float, radius: float) -> Field:
    """Distance to a disc."""
    return np.hypot(u - x, v - y) - radius


def box(u: Field, v: Field, half_width: float, half_height: float, rounding: float) -> Field:
    """Distance to a rectangle about the origin with rounded corners."""
    a, b = np.abs(u) - (half_width - rounding), np.abs(v) - (half_height - rounding)
    return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0) - rounding


def capsule(u: Field, v: Field, start: tuple[float, float], end: tuple[float, float], radius: float) -> Field:
    """Distance to a thick line segment with round ends."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = np.clip(((u - start[0]) * dx + (v - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(u - start[0] - t * dx, v - start[1] - t * dy) - radius


def polygon(u: Field, v: Field, corners: tuple[tuple[float, float], ...], rounding: float) -> Field:
    """Distance to a convex polygon (corners clockwise on screen) with rounded corners."""
    inside = np.full_like(u, -np.inf)
    outside = np.full_like(u, np.inf)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        dx, dy = x1 - x0, y1 - y0
        side = ((u - x0) * dy - (v - y0) * dx) / math.hypot(dx, dy)
        inside = np.maximum(inside, side)
        outside = np.minimum(outside, capsule(u, v, (x0, y0), (x1, y1), 0.0))
    return np.where(inside < 0, inside, outside) - rounding


def smooth_union(a: Field, b: Field, width: float) -> Field:
    """Union of two shapes with a soft seam of ``width``."""
    mixed = np.clip(0.5 + 0.5 * (b - a) / width, 0, 1)
    return b + (a - b) * mixed - width * mixed * (1 - mixed)


def step(value: Field, low: float, high: float) -> Field:
    """Smooth step: 0 where ``value`` is below ``low``, 1 above ``high`` (``low`` > ``high`` falls)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def dome(distance: Field, width: float) -> Field:
    """Height of a body that rises like a quarter circle of ``width`` from its edge and is flat beyond."""
    t = np.clip(-distance / width, 0, 1)
    return width * np.sqrt(t * (2 - t) + 1e-6)
