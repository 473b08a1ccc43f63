from pathlib import Path

import pytest

from tests.mosaic.flat_photos import Source, write_source


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return lambda **how: write_source(tmp_path / "photos", **how)
