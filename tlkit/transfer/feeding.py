"""The input of each step of a training: pictures, views of them, or what frozen stages made of them once."""

import torch
from torch import Tensor

from tlkit.bars import tqdm
from tlkit.data.augment import Augmentation
from tlkit.nets.backbone import Backbone
from tlkit.nets.devices import autocast, batch_size_for

__all__: list[str] = []

LARGEST_TABLE = 2**30  # bytes of frozen activations that are kept in memory


class Feed:
    """Gives each step its input: views of the pictures, or what the frozen first stages make of them."""

    def __init__(
        self,
        network: Backbone,
        images: Tensor,
        augment: Augmentation | None = None,
        seed: int = 0,
        quiet: bool = False,
    ):
        self.network, self.augment = network, augment
        self.images = _on_gpu(images, network.device)
        self.table: list[Tensor] = []
        if not network.frozen:
            return
        one = network.prefix(images[:1])
        copies = augment.views if augment else 1
        if one.numel() * 4 * len(images) * copies > LARGEST_TABLE:
            return  # too much to keep: the frozen stages run again in every step
        for view in range(copies):
            # View 0 is the picture as it is.
            seen = augment(images, seed=seed * 1_009 + view) if view else images
            self.table.append(_run_prefix(network, seen, quiet))

    def __call__(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.table:
            view = torch.randint(len(self.table), (len(rows),), generator=generator) if len(self.table) > 1 else None
            if view is None:
                return self.table[0][rows.to(self.table[0].device)]
            return torch.stack([self.table[v][row] for v, row in zip(view.tolist(), rows.tolist())])
        images = self.images[rows.to(self.images.device)]
        if self.augment:
            images = self.augment(images.to(self.network.device), int(torch.randint(2**31, (), generator=generator)))
        with autocast(self.network.device):
            return self.network.prefix(images)

    @torch.inference_mode()
    def answers(self) -> Tensor:
        """The most likely class of each picture, as it is."""
        self.network.eval()
        device = self.network.device
        rows = torch.arange(len(self.images)).split(
            1024 if self.table else batch_size_for(device, *self.images.shape[2:])
        )
        with autocast(device):
            return torch.cat([self.network.rest(self(batch, None)).argmax(1) for batch in rows]).cpu()


def _on_gpu(images: Tensor, device: torch.device) -> Tensor:
    """The pictures in the memory of the GPU, if there is one with room for them beside the network's own work."""
    if device.type != "cuda":
        return images
    free, _ = torch.cuda.mem_get_info(device)
    return images.to(device) if images.nbytes < free / 4 else images


def _run_prefix(network: Backbone, images: Tensor, quiet: bool) -> Tensor:
    """The output of the frozen stages for every picture, in evaluation mode."""
    network.eval()
    batches = images.split(batch_size_for(network.device, *images.shape[2:]))
    bar = tqdm(batches, desc="frozen stages", unit="batch", leave=False, delay=1, disable=quiet)
    with autocast(network.device):
        return torch.cat([network.prefix(batch) for batch in bar])
