"""The environment in which the pages' templates are rendered."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from gazeshift.drawing.numbers import clipped, exact, language, shown, visible
from gazeshift.drawing.overlay import (
    HALF,
    Quality,
    colour_bar,
    data_uri,
    density,
    density_bar,
    overlay,
    png_uri,
    shrunk,
)
from gazeshift.edits import SAME_MEANING
from gazeshift.report import grid, words


def page_environment(quality: Quality) -> Environment:
    """The template environment: everything from the data is escaped."""
    # S701 wants autoescape; it is on for every template, whatever its suffix: all text of a page comes from data.
    environment = Environment(
        loader=PackageLoader("gazeshift.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Text from the data is made visible before it is escaped, so no template can forget it.
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters.update(shown=shown, exact=exact, clipped=clipped, language=language)
    environment.globals.update(
        words=words,
        grid=grid,
        same_meaning=SAME_MEANING,
        half=HALF,
        picture=lambda sample: data_uri(sample.image, quality),
        map_picture=lambda sample, reading: data_uri(overlay(shrunk(sample.image, quality.edge), reading.raw), quality),
        density=lambda p, top: png_uri(density(p, top)),
        density_bar=lambda: png_uri(density_bar()),
        bar=lambda: data_uri(colour_bar(), Quality(256, 90)),
    )
    return environment
