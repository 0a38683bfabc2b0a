"""Store the pictures that ``test_world.py`` compares with: ``python tests/make_golden.py``.

Run it only when the look of a dataset was changed on purpose; the weights then need a new
pretraining too.
"""

import safetensors.torch
from test_world import GOLDEN, golden_pictures

from tlkit.world import OFFLINE_DATASETS

safetensors.torch.save_file({name: golden_pictures(name) for name in OFFLINE_DATASETS}, GOLDEN)
print(GOLDEN, f"{GOLDEN.stat().st_size / 1e3:.0f} kB")
