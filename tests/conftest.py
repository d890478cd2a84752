"""Sets up Hypothesis, and one thread per process: on small tensors a second one only waits."""

import os

from hypothesis import settings

# Read when torch is first imported, so no conftest may import it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What the checker draws is new in every run, and the same in every run of CI.
if os.environ.get("CI"):
    os.environ.setdefault("GRADBOUND_SEED", "1")

settings.register_profile("default", max_examples=200, deadline=None)
settings.register_profile("ci", derandomize=True, max_examples=200, deadline=None)
settings.register_profile("quick", derandomize=True, max_examples=20, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)
