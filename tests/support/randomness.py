"""Chance that can be had again: each test says its seed, and takes it from the environment when it is given one."""

import os
import random
import sys

VARIABLE = "IMPACTX_TEST_SEED"


def chance() -> random.Random:
    """A generator of its own for a test; pytest shows the seed when the test fails."""
    seed = int(os.environ.get(VARIABLE) or random.SystemRandom().randrange(2**32))
    sys.stdout.write(f"seed {seed}; the same again: {VARIABLE}={seed}\n")
    return random.Random(seed)
