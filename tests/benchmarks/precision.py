"""16 bits beside float32: the test accuracy of ways that compute in each, on the same draws.

Frozen features and training both run in the fast number type of the device; ``float32`` is what they
do on a machine that has none.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

from codes import empty_cache
from side_by_side import Options, Row, skipped

import tlkit
from tlkit.intervals import points
from tlkit.nets.devices import pick_device, pick_precision
from tlkit.transfer.results import Result

DRAWN = (("flowers", 20), ("tissue", 20))
WAYS = ("probe", "earlier stage", "fine-tuning")
NETWORK = "squeezenet1_1"  # on photos


def measure(options: Options) -> Iterator[Row]:
    """A pair of rows for each way and target; the note has the difference, paired over the draws."""
    device = pick_device(options.device)
    fast = str(pick_precision(device)).removeprefix("torch.")
    if fast == "float32":
        yield skipped("precision", "all", f"16 bits are not fast here ({device.type}); TLKIT_PRECISION=bfloat16 tries")
        return
    seeds = range(max(3, options.seeds))  # fewer have no interval
    for title, draw, backbone in _targets(options):
        names = WAYS[:1] if options.quick else WAYS  # without training: 16 bits may be emulated where it is tried
        ways = {f"{way}, {fast}": tlkit.WAYS[way] for way in names}
        ways |= {f"{way}, float32": partial(_in_float32, tlkit.WAYS[way]) for way in names}
        with empty_cache():
            found = tlkit.compare(ways, draw, seeds, backbone=backbone, device=device.type)
        for way in names:
            for name in (f"{way}, {fast}", f"{way}, float32"):
                percent = 100 * found.values(name)
                note = points(found.difference(name, f"{way}, float32")) if name.endswith(fast) else "mean of draws"
                yield Row(
                    f"precision: {title}", name, percent.mean(), "%", spread=(percent.min(), percent.max()), note=note
                )


def _in_float32(way: Callable[..., Result], *args, **settings) -> Result:
    """As on a machine whose hardware is not fast at 16 bits."""
    with mock.patch.dict(os.environ, TLKIT_PRECISION="float32"):
        return way(*args, **settings)


def _targets(options: Options) -> Iterator[tuple[str, Callable[[int], tlkit.Split], str | tlkit.Backbone]]:
    """Drawn targets with minivgg; with photos and weights at hand, those too."""
    for dataset, per_class in (("digits", 5),) if options.quick else DRAWN:
        yield f"{dataset}, {per_class} a class", partial(tlkit.load_dataset, dataset, per_class), "minivgg"
    file = options.weights.get(NETWORK)
    if options.photos and file:
        draw = partial(tlkit.load_folder, options.photos, 40, image_size=224, quiet=True)  # of a seed
        yield f"{NETWORK} on photos, 40 a class", draw, tlkit.load_backbone(NETWORK, weights=file)
