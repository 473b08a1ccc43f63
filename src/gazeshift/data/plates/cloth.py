"""What is under the objects: a table cloth, a plate with its rim and shadow, crumbs, leaves and drops."""

import numpy as np
from jaxtyping import Float

from gazeshift.data.draws import generator
from gazeshift.data.plates.layout import PLATE_RADIUS
from gazeshift.data.plates.scene import Scene
from gazeshift.data.plates.shapes import Field, step

_CLOTHS = np.array(
    [
        [0.80, 0.87, 0.91],
        [0.93, 0.87, 0.79],
        [0.84, 0.89, 0.82],
        [0.93, 0.84, 0.83],
        [0.86, 0.84, 0.91],
        [0.90, 0.90, 0.86],
    ],
    np.float32,
)
_RIMS = np.array(
    [[0.45, 0.60, 0.72], [0.72, 0.58, 0.42], [0.55, 0.66, 0.52], [0.74, 0.52, 0.52], [0.60, 0.60, 0.62]], np.float32
)
_CRUMB = np.array([0.78, 0.62, 0.42], np.float32)
_LEAF = np.array([0.45, 0.60, 0.36], np.float32)
_SAUCE = np.array([0.55, 0.34, 0.24], np.float32)


def background(scene: Scene, left: int, top: int, width: int, height: int) -> Float[np.ndarray, "h w 3"]:
    """The picture without objects, in [0, 1], for a rectangle in pixels."""
    rng = generator(scene.seed, 1)
    x = ((np.arange(width, dtype=np.float32) + 0.5 + left) / scene.size)[None, :]
    y = ((np.arange(height, dtype=np.float32) + 0.5 + top) / scene.size)[:, None]
    picture = _cloth(x, y, rng)
    _lay_plate(picture, x - np.float32(scene.plate[0]), y - np.float32(scene.plate[1]), scene.size, rng)
    _scatter(picture, scene, left, top, rng)
    return picture


def _cloth(x: Field, y: Field, rng: np.random.Generator) -> Float[np.ndarray, "h w 3"]:
    """A woven cloth: plain, striped, checked or dotted, with a little light from the upper left."""
    base = _CLOTHS[rng.integers(len(_CLOTHS))] * np.float32(rng.uniform(0.97, 1.03))
    angle, pitch = rng.uniform(-0.5, 0.5), rng.uniform(0.10, 0.17)
    a = (x * np.cos(angle) + y * np.sin(angle)).astype(np.float32) * np.float32(2 * np.pi / pitch)
    b = (y * np.cos(angle) - x * np.sin(angle)).astype(np.float32) * np.float32(2 * np.pi / pitch)
    style = rng.integers(4)
    if style == 0:
        weight = 0.10 * np.sin(a * 2) * np.sin(b * 2)
    elif style == 1:
        weight = 0.7 * step(np.sin(a), -0.25, 0.25)
    elif style == 2:
        weight = 0.5 * step(np.sin(a), -0.2, 0.2) + 0.5 * step(np.sin(b), -0.2, 0.2)
    else:
        weight = 0.9 * step(np.cos(a) + np.cos(b), 1.1, 1.5)
    shade = 1.03 - 0.10 * (0.5 * x + 0.5 * y)
    pattern = 1 - 0.16 * (weight if style != 3 else -0.35 * weight)
    return np.asarray(np.minimum(base * (pattern * shade)[..., None], 1), np.float32)


def _lay_plate(picture: Float[np.ndarray, "h w 3"], x: Field, y: Field, size: int, rng: np.random.Generator) -> None:
    radius = np.hypot(x, y) / np.float32(PLATE_RADIUS)
    shadow = step(np.hypot(x - 0.018, y - 0.028) / np.float32(PLATE_RADIUS), 1.11, 0.90)
    picture *= 1 - 0.34 * shadow[..., None]
    pixel = 1 / (size * PLATE_RADIUS)
    cover = np.clip(0.5 + (1 - radius) / pixel, 0, 1)
    # The well is flat; its wall faces the light on the far side and turns from it on the near one.
    facing = (x * 0.6 + y * 0.8) / np.maximum(np.hypot(x, y), 1e-4)
    wall = step(np.abs(radius - 0.74), 0.055, 0.0)
    lip = step(np.abs(radius - 0.975), 0.035, 0.0)
    light = 0.955 + 0.075 * facing * wall - 0.055 * facing * lip - 0.025 * step(radius, 0.74, 0.4) - 0.02 * (x + y)
    porcelain = np.array([1.0, 0.99, 0.965], np.float32) * light[..., None]
    ring = 0.75 * step(np.abs(radius - 0.90), 0.026 + pixel / 2, 0.012) * float(rng.random() < 0.75)
    porcelain += (_RIMS[rng.integers(len(_RIMS))] - porcelain) * ring[..., None]
    picture += (porcelain - picture) * cover[..., None]


def _scatter(picture: Float[np.ndarray, "h w 3"], scene: Scene, left: int, top: int, rng: np.random.Generator) -> None:
    """Crumbs, leaves and drops of sauce; drawn one by one within their few pixels."""
    for _ in range(int(rng.poisson(18 * scene.clutter))):
        kind = rng.choice(3, p=[0.6, 0.22, 0.18])
        distance, angle = np.sqrt(rng.random()) * 0.43, rng.uniform(0, 2 * np.pi)
        x, y = scene.plate[0] + distance * np.cos(angle), scene.plate[1] + distance * np.sin(angle)
        long = rng.uniform(*((0.006, 0.012), (0.020, 0.030), (0.009, 0.016))[kind])
        wide = long * (0.8, 0.38, 1.0)[kind]
        colour = (_CRUMB, _LEAF, _SAUCE)[kind] * np.float32(rng.uniform(0.9, 1.1))
        _speck(
            picture,
            (x * scene.size - left, y * scene.size - top),
            (long * scene.size, wide * scene.size),
            rng.uniform(0, 3),
            colour,
        )


def _speck(
    picture: Float[np.ndarray, "h w 3"],
    centre: tuple[float, float],
    axes: tuple[float, float],
    turn: float,
    colour: Float[np.ndarray, " 3"],
) -> None:
    reach = axes[0] + 1.5
    height, width = picture.shape[:2]
    x0, x1 = max(0, int(centre[0] - reach)), min(width, int(centre[0] + reach) + 1)
    y0, y1 = max(0, int(centre[1] - reach)), min(height, int(centre[1] + reach) + 1)
    if x0 >= x1 or y0 >= y1:
        return
    x = np.arange(x0, x1, dtype=np.float32)[None, :] + 0.5 - np.float32(centre[0])
    y = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - np.float32(centre[1])
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    ellipse = np.hypot((x * cosine + y * sine) / np.float32(axes[0]), (y * cosine - x * sine) / np.float32(axes[1]))
    weight = 0.85 * np.clip(0.5 + (1 - ellipse) * np.float32(axes[1]), 0, 1)
    part = picture[y0:y1, x0:x1]
    part += (colour - part) * weight[..., None]
