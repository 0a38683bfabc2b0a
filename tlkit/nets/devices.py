"""Where to compute, and in which arithmetic: the device, its fast number type, the size of a batch."""

import contextlib
import ctypes
import os
import platform
import warnings
from functools import cache
from pathlib import Path

import torch

from tlkit import checks
from tlkit.language import said

__all__: list[str] = []

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# By what a CPU multiplies each itself, as torch or Linux names it.
_INSTRUCTIONS = {
    torch.bfloat16: {"amx_bf16", "amx_tile", "avx512_bf16", "bf16", "sve_bf16", "svebf16"},
    torch.float16: {"amx_fp16", "asimdhp", "avx512_fp16", "fp16_arith"},
}
_FLOAT32 = (({"avx512_f", "avx512f"}, "AVX-512"), ({"avx2"}, "AVX2"), ({"avx"}, "AVX"))
_told: set[str] = set()


def pick_device(device: str = "auto") -> torch.device:
    """Turn ``"auto"`` into the best device here: CUDA, then MPS, then CPU. Says once which.

    Raises
    ------
    ValueError, TypeError
        If a device is named that this machine does not have, or it is no name.
    """
    if not isinstance(device, (str, torch.device)):
        raise TypeError(f"device must be a text, such as 'auto', 'cpu' or 'cuda', not {checks.shown(device)}.")
    if device != "auto":
        try:
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"This machine has no device {device!r}. Use device='auto' or device='cpu'.") from error
        return torch.device(device)
    if torch.cuda.is_available():
        device, label = "cuda", f"the GPU ({torch.cuda.get_device_name()})"
    elif torch.backends.mps.is_available():
        device, label = "mps", "the Apple GPU"
    else:
        threads = torch.get_num_threads()
        device, label = "cpu", f"the CPU ({threads} threads)" if threads > 1 else "the CPU (1 thread)"
    if device not in _told:
        _told.add(device)
        print(said(f"tlkit computes on {label}."))
    return torch.device(device)


def pick_precision(device: torch.device, precision: str = "auto") -> torch.dtype:
    """The number type to multiply in; ``"auto"`` is 16 bits where the hardware is fast at it, else float32.

    bfloat16 has the range of float32 with fewer digits; float16 has more digits and a small range,
    so training in it needs its loss scaled (Micikevicius et al. 2018).

    Set ``TLKIT_PRECISION`` to say what ``"auto"`` is, for example to get the numbers of another machine.

    A type that a CPU only emulates is given as asked, with a warning: it can be ten times slower than float32.

    Raises
    ------
    ValueError
        For another name than ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
    """
    source = "precision"
    if isinstance(precision, str) and precision == "auto":
        source, precision = "TLKIT_PRECISION", os.environ.get("TLKIT_PRECISION") or "auto"
    if checks.choose(source, precision, ["auto", *PRECISIONS]) == "auto":
        return _fast_precision(device)
    asked = PRECISIONS[precision]
    if device.type == "cpu" and asked != torch.float32 and not _multiplies(asked) and precision not in _told:
        _told.add(precision)
        warnings.warn(
            f"This CPU does not multiply {precision} itself. It is emulated, which can take ten times as long as "
            f"float32.\nLeave {source} at 'auto', unless you want the numbers of another machine.",
            stacklevel=3,
        )
    return asked


def _fast_precision(device: torch.device) -> torch.dtype:
    """16 bits where the hardware multiplies them, else float32."""
    if device.type == "cuda":
        # Before Ampere (a T4, say) a GPU only emulates bfloat16; before Volta it has neither.
        generation = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if generation >= (8, 0) else torch.float16 if generation >= (7, 0) else torch.float32
    return torch.bfloat16 if device.type == "cpu" and _multiplies(torch.bfloat16) else torch.float32


@cache
def _multiplies(dtype: torch.dtype) -> bool:
    """Whether this CPU multiplies such numbers itself; one that has AVX2 or AVX-512 alone emulates them, and crawls."""
    # Without oneDNN (a Mac has none) torch does not use these instructions for convolutions.
    return torch.backends.mkldnn.is_available() and not _INSTRUCTIONS[dtype].isdisjoint(_instructions())


def _instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """What the CPU can do, from whoever knows: a newer torch; or the two queries of an older one, and Linux."""
    if hasattr(torch.cpu, "get_capabilities"):
        return {name for name, there in torch.cpu.get_capabilities().items() if there is True}
    queries = {"amx_tile": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}
    has = {name for name, query in queries.items() if getattr(torch.cpu, query, bool)()}
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines())
        has.update(*(flags.split() for name, _, flags in lines if name.strip() in ("flags", "Features")))
    return has


def cpu_make() -> str:
    """What the CPU multiplies in, which decides more about seconds than its name does."""
    has = _instructions()
    if {"amx_tile", "amx_bf16"} & has:
        return "16-bit matrix tiles (AMX)"
    if "avx512_bf16" in has:
        return "AVX-512 BF16"
    if _multiplies(torch.bfloat16):
        return "bfloat16 of Arm"
    return next((name for flags, name in _FLOAT32 if flags & has), platform.machine()) + " alone"


def autocast(device: torch.device, dtype: torch.dtype | None = None) -> contextlib.AbstractContextManager:
    """Multiply in ``dtype`` (default: the fast one of the device) inside of this context."""
    dtype = dtype or pick_precision(device)
    return contextlib.nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def batch_size_for(device: torch.device, height: int, width: int) -> int:
    """How many pictures to send through a frozen network at once.

    On a CPU what a few pictures leave behind fits its caches; a GPU wants enough to keep it busy.
    """
    pixels, most = (2**24, 1024) if device.type == "cuda" else (2**19, 128)
    return min(most, max(4, pixels // (height * width)))


def _keep_memory() -> None:
    """Ask glibc to keep what was freed for the next layer, in place of handing it back to Linux.

    By default every large activation is mapped, zeroed page by page and unmapped again; without that
    a CPU runs these networks up to two and a half times as fast (tests/benchmarks/NOTES.md). A
    setting of the user's own is left alone.
    """
    own = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"} & set(os.environ)
    if platform.libc_ver()[0] == "glibc" and not own:
        mmap_threshold, trim_threshold = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 2**30)
        libc.mallopt(trim_threshold, 2**31 - 1)


_keep_memory()
