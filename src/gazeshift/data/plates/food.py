"""The dishes as drawings: each a signed distance (its silhouette) and a paint (height to be lit, and colours)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from gazeshift.data.plates.shapes import Field, box, capsule, circle, dome, polygon, smooth_union, step

Colour = Float[np.ndarray, " 3"]
Painted = tuple[Field, Float[np.ndarray, "h w 3"]]

DOUGH = np.array([0.90, 0.72, 0.47], np.float32)
CREAM = np.array([1.00, 0.97, 0.89], np.float32)
WOOD = np.array([0.84, 0.68, 0.47], np.float32)
SEAWEED = np.array([0.14, 0.20, 0.18], np.float32)


@dataclass(frozen=True)
class Ink:
    """The colours one object is painted with: its colour word's, a darker and a lighter one."""

    base: Colour
    deep: Colour
    pale: Colour


@dataclass(frozen=True)
class Food:
    """How to draw one dish: ``distance(u, v)``, ``paint(u, v, distance, ink, rng)`` and how far it may be turned (radians)."""

    distance: Callable[[Field, Field], Field]
    paint: Callable[[Field, Field, Field, Ink, np.random.Generator], Painted]
    turn: float


def _flood(like: Field, colour: Colour) -> Float[np.ndarray, "h w 3"]:
    return np.broadcast_to(colour, (*like.shape, 3)).astype(np.float32)


def _blend(picture: Float[np.ndarray, "h w 3"], colour: Colour, weight: Field) -> Float[np.ndarray, "h w 3"]:
    return picture + (colour - picture) * weight[..., None]


def _dots(u: Field, v: Field, places: Float[np.ndarray, "n 2"], radius: float) -> Field:
    """Weight of small round dots."""
    near = np.full_like(u, np.inf)
    for x, y in places:
        near = np.minimum(near, np.hypot(u - x, v - y))
    return step(near, radius, 0.5 * radius)


def _ring(n: int, radius: float, rng: np.random.Generator, spread: float) -> Float[np.ndarray, "n 2"]:
    angles = (np.arange(n) + rng.uniform(-0.3, 0.3, n)) * 2 * np.pi / n
    radii = radius + rng.uniform(-spread, spread, n)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1).astype(np.float32)


def _donut(u: Field, v: Field) -> Field:
    return np.abs(np.hypot(u, v) - 0.63) - 0.35


def _paint_donut(u: Field, v: Field, d: Field, ink: Ink, rng: np.random.Generator) -> Painted:
    angle, radius = np.arctan2(v, u), np.hypot(u, v)
    edge = 0.25 + 0.03 * np.sin(7 * angle + rng.uniform(0, 6)) + 0.02 * np.sin(4 * angle)
    icing = step(np.abs(radius - 0.62) - edge, 0.03, -0.03)
    colours = _blend(_flood(u, DOUGH), ink.base, icing)
    sprinkles = _dots(u, v, _ring(9, 0.62, rng, 0.13), 0.075)
    return dome(d, 0.35) + 0.05 * icing + 0.03 * sprinkles, _blend(colours, CREAM, sprinkles)


def _croissant(u: Field, v: Field) -> Field:
    return np.maximum(circle(u, v, 0, 0.08, 0.95), -circle(u, v, 0, 0.92, 0.74))


def _paint_croissant(u: Field, v: Field, d: Field, ink: Ink, _: np.random.Generator) -> Painted:
    angle = np.arctan2(u, 0.85 - v)
    wave = np.abs(np.cos(angle * 3.2))
    colours = _blend(
        _blend(_flood(u, ink.base), ink.pale, 0.55 * step(wave, 0.55, 1.0)), ink.deep, step(wave, 0.30, 0.05)
    )
    return dome(d, 0.30) * (0.72 + 0.28 * np.sqrt(wave)), colours


def _dumpling(u: Field, v: Field) -> Field:
    angle, radius = np.arctan2(u, 0.42 - v), np.hypot(u * 0.90, v - 0.42)
    dome_edge = radius - 0.86 - 0.045 * np.abs(np.cos(5.5 * angle))
    return np.maximum(dome_edge, box(u, v - 0.05, 1.2, 0.55, 0.25))


def _paint_dumpling(u: Field, v: Field, d: Field, ink: Ink, _: np.random.Generator) -> Painted:
    angle, radius = np.arctan2(u, 0.42 - v), np.hypot(u * 0.90, v - 0.42)
    rim = step(radius, 0.56, 0.66)
    pleat = step(np.abs(np.cos(5.5 * angle)), 0.35, 0.0) * rim
    colours = _blend(_blend(_flood(u, ink.base), ink.pale, 0.65 * rim), ink.deep, 0.8 * pleat)
    return dome(d, 0.42) * (1 - 0.35 * rim) - 0.05 * pleat, colours


def _rice_ball(u: Field, v: Field) -> Field:
    return polygon(u, v, ((0, -0.50), (0.56, 0.40), (-0.56, 0.40)), 0.36)


def _paint_rice_ball(u: Field, v: Field, d: Field, ink: Ink, rng: np.random.Generator) -> Painted:
    grains = _dots(u, v, rng.uniform(-0.7, 0.7, (16, 2)).astype(np.float32), 0.09)
    colours = _blend(_flood(u, ink.base), ink.pale, 0.75 * grains)
    wrap = step(box(u, v - 0.62, 0.34, 0.36, 0.04), 0.02, -0.02)
    return dome(d, 0.40) + 0.03 * grains * (1 - wrap) + 0.02 * wrap, _blend(colours, SEAWEED, wrap)


def _star_cookie(u: Field, v: Field) -> Field:
    turn = np.arctan2(u, -v)
    folded = np.abs(np.mod(turn + np.pi / 5, 2 * np.pi / 5) - np.pi / 5)
    radius = np.hypot(u, v)
    x, y = radius * np.cos(folded), radius * np.sin(folded)
    tip, notch = 0.92, (0.46 * math.cos(np.pi / 5), 0.46 * math.sin(np.pi / 5))
    dx, dy = notch[0] - tip, notch[1]
    return ((x - tip) * dy - y * dx) / math.hypot(dx, dy) - 0.07


def _paint_star_cookie(u: Field, v: Field, d: Field, ink: Ink, rng: np.random.Generator) -> Painted:
    icing = step(d, -0.06, -0.10)
    sugar = _dots(u, v, np.concatenate([_ring(5, 0.36, rng, 0.05), [[0.0, 0.0]]]).astype(np.float32), 0.085)
    colours = _blend(_blend(_flood(u, DOUGH), ink.base, icing), CREAM, sugar)
    return dome(d, 0.12) + 0.05 * dome(d + 0.08, 0.1) / 0.1 + 0.02 * sugar, colours


def _waffle(u: Field, v: Field) -> Field:
    return box(u, v, 0.76, 0.76, 0.20)


def _paint_waffle(u: Field, v: Field, d: Field, ink: Ink, _: np.random.Generator) -> Painted:
    pitch = 0.44
    a, b = (np.abs(np.mod(x + pitch / 2, pitch) - pitch / 2) for x in (u, v))
    well = step(np.maximum(a, b), 0.165, 0.125) * step(d, -0.05, -0.09)
    colours = _blend(_blend(_flood(u, ink.base), ink.pale, 0.25 * (1 - well)), ink.deep, 0.75 * well)
    butter = step(box(u * 0.9 + v * 0.44, v * 0.9 - u * 0.44, 0.20, 0.20, 0.06), 0.015, -0.015)
    return dome(d, 0.16) - 0.10 * well * (1 - butter) + 0.08 * butter, _blend(colours, CREAM, butter)


def _popsicle_ice(u: Field, v: Field) -> Field:
    top = np.where(v + 0.28 < -0.15, np.hypot(u, v + 0.43) - 0.47, np.abs(u) - 0.47)
    return np.maximum(top, np.maximum(v - 0.42, -1.0 - v)) - 0.03


def _popsicle(u: Field, v: Field) -> Field:
    return np.minimum(_popsicle_ice(u, v), capsule(u, v, (0, 0.4), (0, 0.88), 0.12))


def _paint_popsicle(u: Field, v: Field, d: Field, ink: Ink, _: np.random.Generator) -> Painted:
    body = _popsicle_ice(u, v)
    ice = step(body, 0.02, -0.02)
    groove = step(np.abs(np.abs(u) - 0.17), 0.07, 0.02) * step(np.abs(v + 0.22), 0.46, 0.38) * ice
    colours = _blend(_blend(_flood(u, WOOD), ink.base, ice), ink.deep, 0.7 * groove)
    colours = _blend(colours, ink.pale, 0.8 * ice * step(v, -0.58, -0.72))
    return np.where(body < 0, dome(body, 0.22), 0.4 * dome(d, 0.12)) - 0.05 * groove, colours


_BALLS = (-0.58, 0.0, 0.58)


def _skewer(u: Field, v: Field) -> Field:
    balls = np.minimum(np.minimum(*(circle(u, v, x, 0, 0.31) for x in _BALLS[:2])), circle(u, v, _BALLS[2], 0, 0.31))
    return np.minimum(balls, capsule(u, v, (-1.0, 0), (1.04, 0), 0.055))


def _paint_skewer(u: Field, v: Field, d: Field, ink: Ink, _: np.random.Generator) -> Painted:
    centre = np.clip(np.round(u / 0.58), -1, 1) * 0.58
    ball = np.hypot(u - centre, v) - 0.31
    inside = step(ball, 0.02, -0.02)
    colours = _blend(_flood(u, WOOD), ink.base, inside)
    band = inside * step(np.abs(u - centre + 0.25 * v), 0.08, 0.04)
    return np.where(ball < 0, dome(ball, 0.31), 0.5 * dome(d, 0.055)), _blend(colours, ink.deep, 0.45 * band)


def _cupcake_top(u: Field, v: Field) -> Field:
    lower = np.hypot(u / 1.55, v + 0.02) - 0.42
    middle = np.hypot(u / 1.35, v + 0.38) - 0.34
    top = np.hypot(u / 1.1, v + 0.70) - 0.23
    return smooth_union(smooth_union(lower, middle, 0.08), top, 0.08)


def _cup(u: Field, v: Field) -> Field:
    return polygon(u, v, ((-0.56, 0.05), (0.56, 0.05), (0.40, 0.86), (-0.40, 0.86)), 0.04)


def _cupcake(u: Field, v: Field) -> Field:
    return np.minimum(_cupcake_top(u, v), _cup(u, v))


def _paint_cupcake(u: Field, v: Field, d: Field, ink: Ink, rng: np.random.Generator) -> Painted:
    top = _cupcake_top(u, v)
    cream = step(top, 0.02, -0.02)
    stripes = step(np.cos(u / (0.62 - 0.18 * v) * 13), -0.3, 0.3)
    colours = _blend(_blend(_flood(u, ink.deep), CREAM, 0.75 * stripes), ink.base, cream)
    swirl = np.sin((v + 0.25 * u) * 17)
    sugar = _dots(u, v, (rng.uniform(-1, 1, (8, 2)) * (0.45, 0.35) + (0, -0.25)).astype(np.float32), 0.07) * cream
    colours = _blend(_blend(colours, ink.deep, 0.45 * cream * step(swirl, -0.5, -1)), CREAM, sugar)
    return np.where(top < 0, dome(top, 0.35) + 0.1 + 0.03 * swirl, dome(d, 0.2) * (0.8 + 0.1 * stripes)), colours


def _fish_cake(u: Field, v: Field) -> Field:
    body = np.hypot(u + 0.18, v * 1.45) - 0.74
    tail = polygon(u, v, ((0.40, 0.0), (0.86, -0.42), (0.86, 0.42)), 0.10)
    fin = polygon(u, v, ((-0.30, -0.42), (0.12, -0.62), (0.22, -0.36)), 0.07)
    return smooth_union(np.minimum(body / 1.2, fin), tail, 0.12)


def _paint_fish_cake(u: Field, v: Field, d: Field, ink: Ink, _: np.random.Generator) -> Painted:
    row = np.floor((v + 2.0) / 0.17)
    a = np.mod(u + 2.0 + 0.11 * np.mod(row, 2), 0.22) - 0.11
    scale = (
        step(np.abs(np.hypot(a, np.mod(v + 2.0, 0.17)) - 0.11), 0.045, 0.01)
        * step(u, -0.42, -0.34)
        * step(u, 0.42, 0.3)
    )
    gill = step(np.abs(np.hypot(u + 0.85, v) - 0.42), 0.05, 0.02) * step(np.abs(v), 0.36, 0.28) * step(u, -0.8, -0.6)
    fan = step(np.abs(np.sin((v / (u + 0.02)) * 9)), 0.45, 0.1) * step(u, 0.55, 0.65)
    lines = np.clip(scale + gill + fan, 0, 1) * step(d, -0.02, -0.06)
    colours = _blend(_flood(u, ink.base), ink.deep, 0.75 * lines)
    eye = np.hypot(u + 0.64, v + 0.12)
    colours = _blend(_blend(colours, CREAM, step(eye, 0.12, 0.09)), SEAWEED, step(eye, 0.075, 0.045))
    return dome(d, 0.35) - 0.03 * lines, colours


def _pretzel(u: Field, v: Field) -> Field:
    left = np.abs(np.hypot((u + 0.42) / 1.0, (v + 0.12) / 1.1) - 0.40)
    right = np.abs(np.hypot((u - 0.42) / 1.0, (v + 0.12) / 1.1) - 0.40)
    belly = np.where(v > 0.1, np.abs(np.hypot(u, (v - 0.05) / 0.9) - 0.74), np.inf)
    arms = np.minimum(capsule(u, v, (-0.12, 0.0), (0.42, 0.62), 0.0), capsule(u, v, (0.12, 0.0), (-0.42, 0.62), 0.0))
    return np.minimum(np.minimum(left, right), np.minimum(belly, arms)) - 0.155


def _paint_pretzel(u: Field, v: Field, d: Field, ink: Ink, rng: np.random.Generator) -> Painted:
    places = np.concatenate([np.add(_ring(7, 0.40, rng, 0.05), (x, -0.12)) for x in (-0.42, 0.42)])
    salt = _dots(u, v, places.astype(np.float32), 0.075) * step(d, -0.02, -0.06)
    return dome(d, 0.155) + 0.02 * salt, _blend(_flood(u, ink.base), CREAM, salt)


def _lollipop(u: Field, v: Field) -> Field:
    return np.minimum(circle(u, v, 0, -0.34, 0.62), capsule(u, v, (0, 0.2), (0, 1.0), 0.065))


def _paint_lollipop(u: Field, v: Field, d: Field, ink: Ink, rng: np.random.Generator) -> Painted:
    radius, angle = np.hypot(u, v + 0.34), np.arctan2(v + 0.34, u)
    sweet = step(radius, 0.63, 0.60)
    spiral = step(np.sin(angle * 2 + radius * 15 + rng.uniform(0, 6)), -0.25, 0.25)
    colours = _blend(_blend(_flood(u, CREAM), ink.base, sweet), CREAM, 0.8 * spiral * sweet * step(radius, 0.60, 0.54))
    return np.where(radius < 0.62, 0.8 * dome(radius - 0.62, 0.30), 0.6 * dome(d, 0.065)), colours


FOODS: Mapping[str, Food] = MappingProxyType(
    {
        "donut": Food(_donut, _paint_donut, np.pi),
        "croissant": Food(_croissant, _paint_croissant, 0.6),
        "dumpling": Food(_dumpling, _paint_dumpling, 0.35),
        "rice_ball": Food(_rice_ball, _paint_rice_ball, 0.3),
        "star_cookie": Food(_star_cookie, _paint_star_cookie, np.pi),
        "waffle": Food(_waffle, _paint_waffle, np.pi / 4),
        "popsicle": Food(_popsicle, _paint_popsicle, 0.5),
        "skewer": Food(_skewer, _paint_skewer, 1.2),
        "cupcake": Food(_cupcake, _paint_cupcake, 0.25),
        "fish_cake": Food(_fish_cake, _paint_fish_cake, 0.5),
        "pretzel": Food(_pretzel, _paint_pretzel, 0.4),
        "lollipop": Food(_lollipop, _paint_lollipop, 0.5),
    }
)
