"""The usual way to compute codes of a folder of photos, in a process of its own that never saw tlkit.

``python usual_loop.py FOLDER BACKBONE WEIGHTS BATCH WORKERS PRECISION SIZE`` prints the seconds of one pass.
"""

import os
import sys
import time
from contextlib import nullcontext

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms


def main() -> None:
    folder, name, weights, batch, workers, precision, size = sys.argv[1:]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = models.get_model(name, weights=None)
    if os.path.exists(weights):
        model.load_state_dict(torch.load(weights, weights_only=True))
    model = nn.Sequential(model.features, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval().to(device)
    if precision != "float32 NCHW":
        model = model.to(memory_format=torch.channels_last)
    recipe = transforms.Compose(
        [
            transforms.Resize(int(size) * 8 // 7),
            transforms.CenterCrop(int(size)),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    loader = DataLoader(datasets.ImageFolder(folder, recipe), batch_size=int(batch), num_workers=int(workers))
    fast = torch.autocast(device, torch.bfloat16) if precision == "bfloat16" else nullcontext()
    start = time.perf_counter()
    with torch.inference_mode(), fast:
        codes = torch.cat([model(images.to(device)).float().cpu() for images, _ in loader])
    print(time.perf_counter() - start, len(codes))


if __name__ == "__main__":
    main()
