"""ResNet-50 at 224 px on a GPU: codes and full fine-tuning, beside the bare network and beside what the card can do."""

from collections.abc import Callable

import torch
from codes import empty_cache
from side_by_side import Options, Row, in_turn, rows_of, skipped
from torch import nn
from torch.profiler import ProfilerActivity, profile

import tlkit
from tlkit.nets.devices import autocast, pick_precision

NAME, SIZE, COUNT, BATCH = "resnet50", 224, 4096, 256
# Of one picture forward, two for each multiply-add (torchvision's card of the weights); a step costs thrice that.
GFLOP = 2 * 4.09


def measure(options: Options) -> list[Row]:
    """Needs CUDA; ``--quick`` runs a small version of it on any device."""
    if not torch.cuda.is_available() and not options.quick:
        return [skipped("gpu", NAME, "no CUDA device here; on a machine with one: make bench ARGS=gpu")]
    name, size, count, batch = ("resnet18", 64, 32, 8) if options.quick else (NAME, SIZE, COUNT, BATCH)
    backbone = tlkit.load_backbone(name, pretrained=False, device=options.device).new_head(17)
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    split = tlkit.ImageSet(images, torch.arange(count) % 17)
    works = {
        "codes": (_bare_codes(backbone, images, batch), lambda: _codes(backbone, images), 1),
        "fine-tuning": (_bare_training(backbone, split, batch), lambda: _training(backbone, split, batch), 3),
    }
    where, rows = backbone.device, []
    rate = _matrix_rate(where)
    for what, (bare, ours, passes) in works.items():
        title = f"{what} of {name}, {size} px, {pick_precision(where)}".replace("torch.", "")
        seconds = in_turn({"bare network": bare, "tlkit": ours}, options.runs)
        new = rows_of(title, seconds, "bare network", count, "img/s")
        for row in new:
            share = row.value * passes * GFLOP / 1e3 / rate
            row.note = f"{share:.0%} of the {rate:,.0f} TFLOP/s of a large matrix product" if name == NAME else ""
        if where.type == "cuda":
            new[1].note += f"; the card is busy {_busy(ours):.0%} of the time"
        rows += new
    return rows


def _bare_codes(backbone: tlkit.Backbone, images: torch.Tensor, batch: int) -> Callable[[], None]:
    """The stages on normalised tensors that lie on the device already."""
    layers = nn.Sequential(*backbone.stages.values())
    ready = backbone.normalise(images[: 2 * batch])

    @torch.inference_mode()
    def run() -> None:
        with autocast(ready.device):
            for k in range(len(images) // batch):
                layers(ready[k % 2 * batch : (k % 2 + 1) * batch])

    return run


def _codes(backbone: tlkit.Backbone, images: torch.Tensor) -> None:
    with empty_cache():
        tlkit.extract_features(backbone, images)


def _bare_training(backbone: tlkit.Backbone, part: tlkit.ImageSet, batch: int) -> Callable[[], None]:
    """Forward, backward and a step of AdamW on one batch that lies on the device, again and again."""
    x, labels = backbone.normalise(part.images[:batch]), part.labels[:batch].to(backbone.device)

    def run() -> None:
        tlkit.unfreeze(backbone).train()
        optimizer = torch.optim.AdamW(backbone.parameters(), 1e-6, fused=True)
        for _ in range(len(part) // batch):
            with autocast(x.device):
                scores = backbone.rest(x)
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(scores.float(), labels).backward()
            optimizer.step()
        backbone.eval()

    return run


def _training(backbone: tlkit.Backbone, part: tlkit.ImageSet, batch: int) -> None:
    tlkit.unfreeze(backbone)
    tlkit.train_network(backbone, part, None, 1, 1e-6, batch_size=batch)


def _matrix_rate(device: torch.device, side: int = 8192) -> float:
    """TFLOP/s of a large matrix product in the precision that is used."""
    side = side if device.type == "cuda" else 512
    a = torch.randn(side, side, device=device, dtype=pick_precision(device))
    seconds = in_turn({"product": lambda: a @ a}, 10)["product"]
    return 2 * side**3 / min(seconds) / 1e12


def _busy(run: Callable[[], None]) -> float:
    """The share of the time in which the GPU computes."""
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        seconds = in_turn({"run": run}, 1, warm_up=0)["run"][0]
    return sum(event.self_device_time_total for event in seen.key_averages()) / 1e6 / seconds
