"""Random numbers that depend on what they are for, not on when they are drawn."""

import numpy as np


def generator(*entropy: int) -> np.random.Generator:
    """A random generator that depends only on ``entropy``, so that order and number of workers do not matter."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(list(entropy))))
