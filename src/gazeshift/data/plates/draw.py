"""Render a scene: cloth, plate, clutter and lit objects; and the label map of what is visible of each object.

The silhouettes are signed distances (``food``), sampled at twice the pixel resolution and averaged. Everything random comes from the
scene's seed and the object's index, so a scene rendered without an object differs only where the object or its shadow was.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from gazeshift.data.draws import generator
from gazeshift.data.plates.cloth import background
from gazeshift.data.plates.food import FOODS, Ink
from gazeshift.data.plates.scene import PlateObject, Scene
from gazeshift.data.plates.shapes import step
from gazeshift.data.plates.vocabulary import COLOURS

SHADOW_REACH = 1.45
"""An object and its shadow lie within this many radii of its centre."""

_FINE = 2
_MARGIN = 1.12
_LIGHT = np.array([-0.42, -0.56, 0.714], np.float32)
_HALF = _LIGHT + np.array([0, 0, 1], np.float32)


@dataclass(frozen=True)
class Window:
    """A rectangle of the image, in pixels: ``left``, ``top``, ``width``, ``height``."""

    left: int
    top: int
    width: int
    height: int

    def around(self, x: float, y: float, reach: float) -> "Window":
        """The part of this window within ``reach`` pixels of a point (empty: width or height 0)."""
        left, top = max(self.left, int(np.floor(x - reach))), max(self.top, int(np.floor(y - reach)))
        right = min(self.left + self.width, int(np.ceil(x + reach)))
        bottom = min(self.top + self.height, int(np.ceil(y + reach)))
        return Window(left, top, max(0, right - left), max(0, bottom - top))

    def within(self, outer: "Window") -> tuple[slice, slice]:
        """Rows and columns of this window in an array of ``outer``."""
        rows = slice(self.top - outer.top, self.top - outer.top + self.height)
        return rows, slice(self.left - outer.left, self.left - outer.left + self.width)


def render(scene: Scene, without: int | None = None, window: Window | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """The scene's picture, sRGB.

    Args:
        scene: what to draw.
        without: index of an object to leave out, with its shadow; everything else stays the same.
        window: the part to draw; the whole image if None.

    Raises:
        UsageError: ``without`` names no object of the scene.

    Example:
        >>> from gazeshift.data.plates import PlatesConfig
        >>> from gazeshift.data.plates.scene import sample_scene
        >>> render(sample_scene(PlatesConfig(size=64), "train", 0)).shape
        (64, 64, 3)
    """
    if without is not None:
        scene.object(without)
    window = window or Window(0, 0, scene.size, scene.size)
    canvas = background(scene, window.left, window.top, window.width, window.height)
    for item in scene.objects:
        if item.index != without:
            _cast_shadow(canvas, item, scene, window)
            _paint(canvas, item, scene, window)
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)


def label_map(scene: Scene, without: int | None = None) -> UInt8[np.ndarray, "h w"]:
    """Index of the object visible at each pixel, 0 where there is none; a pixel belongs to an object that covers at least half of it.

    Example:
        >>> from gazeshift.data.plates import PlatesConfig
        >>> from gazeshift.data.plates.scene import sample_scene
        >>> scene = sample_scene(PlatesConfig(size=64), "train", 0)
        >>> sorted(set(label_map(scene).flat)) == list(range(len(scene.objects) + 1))
        True
    """
    window = Window(0, 0, scene.size, scene.size)
    labels = np.zeros((scene.size, scene.size), np.uint8)
    for item in scene.objects:
        if item.index == without:
            continue
        box = window.around(item.x * scene.size, item.y * scene.size, _MARGIN * item.radius * scene.size)
        u, v = _own_frame(item, scene, box, _FINE)
        covered = _shrink(_coverage(FOODS[item.name].distance(u, v), item, scene, _FINE)[..., None])[..., 0]
        part = labels[box.within(window)]
        part[covered >= 0.5] = item.index
    return labels


def _own_frame(
    item: PlateObject, scene: Scene, box: Window, fine: int, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of a window's (sub)pixels in the object's own frame, unit = its radius."""
    radius = item.radius * scene.size
    xs = (np.arange(box.width * fine, dtype=np.float32) + 0.5) / fine + box.left - item.x * scene.size
    ys = (np.arange(box.height * fine, dtype=np.float32) + 0.5) / fine + box.top - item.y * scene.size
    x, y = (xs / radius - shift)[None, :], (ys / radius - 1.3 * shift)[:, None]
    turn = item.angle * FOODS[item.name].turn
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return cosine * x + sine * y, cosine * y - sine * x


def _coverage(distance: np.ndarray, item: PlateObject, scene: Scene, fine: int) -> np.ndarray:
    return np.clip(0.5 - distance * (item.radius * scene.size * fine), 0, 1)


def _shrink(fine_array: np.ndarray) -> np.ndarray:
    """Mean over blocks of _FINE x _FINE subpixels."""
    # Sums of strided slices: several times faster than a mean over the axes of a reshaped array.
    rows = sum(fine_array[i::_FINE] for i in range(1, _FINE)) + fine_array[::_FINE]
    columns = sum(rows[:, i::_FINE] for i in range(1, _FINE)) + rows[:, ::_FINE]
    return np.asarray(columns / _FINE**2)


def _cast_shadow(canvas: Float[np.ndarray, "h w 3"], item: PlateObject, scene: Scene, window: Window) -> None:
    reach = SHADOW_REACH * item.radius * scene.size
    box = window.around(item.x * scene.size, item.y * scene.size, reach)
    if not box.width or not box.height:
        return
    u, v = _own_frame(item, scene, box, 1, shift=0.09)
    x, y = _own_frame(item, scene, box, 1)
    # Faded out at the reach, so that shadows end exactly.
    inside = step(np.hypot(x, y), SHADOW_REACH, 1.1)
    depth = step(FOODS[item.name].distance(u, v), 0.26, -0.22) * inside
    canvas[box.within(window)] *= 1 - depth[..., None] * np.array([0.50, 0.55, 0.50], np.float32)


def _ink(item: PlateObject, rng: np.random.Generator) -> Ink:
    base = np.array(COLOURS[item.colour], np.float32) * np.float32(rng.uniform(0.96, 1.04))
    white = np.ones(3, np.float32)
    return Ink(
        np.minimum(base, 1), base * np.array([0.74, 0.56, 0.54], np.float32), base + (white - base) * np.float32(0.5)
    )


def _paint(canvas: Float[np.ndarray, "h w 3"], item: PlateObject, scene: Scene, window: Window) -> None:
    box = window.around(item.x * scene.size, item.y * scene.size, _MARGIN * item.radius * scene.size)
    if not box.width or not box.height:
        return
    rng = generator(scene.seed, 2, item.index)
    ink = _ink(item, rng)
    food = FOODS[item.name]
    u, v = _own_frame(item, scene, box, _FINE)
    distance = food.distance(u, v)
    alpha = _coverage(distance, item, scene, _FINE)[..., None]
    height, colours = food.paint(u, v, distance, ink, rng)
    lit = _light(height, colours, distance, _FINE * item.radius * scene.size)
    layer = _shrink(np.concatenate([lit * alpha, alpha], -1))
    part = canvas[box.within(window)]
    part *= 1 - layer[..., 3:]
    part += layer[..., :3]


def _light(height: np.ndarray, colours: np.ndarray, distance: np.ndarray, per_unit: float) -> np.ndarray:
    """Light a height field from the upper left: diffuse, a highlight, and a darker edge for contrast."""
    slope_y, slope_x = np.gradient(height)
    slope_x, slope_y = np.clip(slope_x * per_unit, -3, 3), np.clip(slope_y * per_unit, -3, 3)
    norm = 1 / np.sqrt(slope_x**2 + slope_y**2 + 1)
    half = _HALF / np.linalg.norm(_HALF)
    diffuse = np.clip((_LIGHT[2] - _LIGHT[0] * slope_x - _LIGHT[1] * slope_y) * norm, 0, 1)
    shine = np.clip((half[2] - half[0] * slope_x - half[1] * slope_y) * norm, 0, 1) ** 40
    edge = 1 - 0.24 * step(distance, -0.12, 0.0)
    shade = (0.54 + 0.62 * diffuse) * edge
    # Shadows on food are warm: red falls off slower than blue, so that dark yellow is amber and not olive.
    tinted = np.stack([shade**0.75, shade, shade**1.1], -1)
    return np.clip(colours * tinted + 0.30 * shine[..., None], 0, 1)
