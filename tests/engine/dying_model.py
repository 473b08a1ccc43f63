"""Models for workers that die: ``python:tests.engine.dying_model:once``. The file named by ``DIED`` says that one has."""

import os
import signal
from pathlib import Path

from PIL import Image
from torch import Tensor

import gazeshift as gs
from gazeshift.models.adapters.given import Given
from tests.saliency.own_model import CLASSES, net, picture_to_tensor, texts_to_tensors


def _made(dies: bool) -> Given:
    def read(picture: Image.Image) -> Tensor:
        """Dies at the picture that is entirely black."""
        if dies and picture.getextrema() == ((0, 0),) * 3:
            Path(os.environ["DIED"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return picture_to_tensor(picture)

    return gs.model(net(), layer="trunk", preprocess=read, tokenizer=texts_to_tensors, classes=CLASSES)


def once() -> Given:
    """The first worker that sees the black picture dies; the next one does not."""
    return _made(not Path(os.environ["DIED"]).exists())


def always() -> Given:
    """Every worker that sees the black picture dies."""
    return _made(True)


def never() -> Given:
    """The same without any death."""
    return _made(False)
