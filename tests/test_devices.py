"""Which numbers a device multiplies in: 16 bits where it has instructions for them, else float32, and by a switch."""

import warnings
from types import SimpleNamespace

import pytest
import torch

from tlkit.nets import devices
from tlkit.nets.devices import pick_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")

# What the CPU has, and what is fast on it. The names are those of torch, and those of Linux.
PROCESSORS = {
    "AVX2": ("avx avx2 fma3", torch.float32),
    "AVX2 with conversion alone": ("avx2 avx_vnni avx_ne_convert", torch.float32),
    "AVX-512 without bfloat16": ("avx2 avx512_f avx512f avx512_vnni avx512_fp16", torch.float32),
    "AVX-512 BF16": ("avx2 avx512_f avx512_bf16", torch.bfloat16),
    "AMX": ("avx2 avx512_f avx512_bf16 amx_bf16 amx_tile amx_int8", torch.bfloat16),
    "Arm": ("neon fp asimd fp16_arith dot", torch.float32),
    "Arm with bfloat16": ("neon asimd bf16 i8mm", torch.bfloat16),
    "Arm with bfloat16 in long vectors": ("neon sve svebf16 sve_bf16", torch.bfloat16),
}


@pytest.fixture
def machine(monkeypatch):
    """Makes this machine another one: the module that torch has for CPUs, and whether it has oneDNN."""

    def become(has_onednn=True, **torch_cpu):
        devices._multiplies.cache_clear()
        monkeypatch.setattr(torch, "cpu", SimpleNamespace(**torch_cpu))
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: has_onednn)

    monkeypatch.delenv("TLKIT_PRECISION", raising=False)
    yield become
    devices._multiplies.cache_clear()


@pytest.mark.parametrize(("has", "expected"), PROCESSORS.values(), ids=PROCESSORS)
def test_bfloat16_where_the_cpu_multiplies_it_and_float32_where_it_would_be_emulated(machine, has, expected):
    told = dict.fromkeys(has.split(), True) | {"amx_fp16": False, "sve_max_length": 1, "cpu_name": "bf16"}
    machine(get_capabilities=lambda: told)
    assert pick_precision(CPU) == expected
    machine(get_capabilities=lambda: dict.fromkeys(told, False))
    assert pick_precision(CPU) == torch.float32


@pytest.mark.parametrize("key", ["flags\t\t", "Features\t"])
@pytest.mark.parametrize(("has", "expected"), PROCESSORS.values(), ids=PROCESSORS)
def test_an_older_torch_asks_linux(machine, tmp_path, monkeypatch, has, expected, key):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: bf16 amx_tile\n{key}: fpu {has} aes\n\nprocessor\t: 1\n")
    machine()
    monkeypatch.setattr(devices, "_instructions", lambda ask=devices._instructions: ask(cpuinfo))
    assert pick_precision(CPU) == expected


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        ({}, torch.float32),  # torch 2.4
        ({"_is_amx_tile_supported": False}, torch.float32),
        ({"_is_amx_tile_supported": True}, torch.bfloat16),
        ({"_is_amx_tile_supported": False, "_is_avx512_bf16_supported": True}, torch.bfloat16),
        ({"_is_avx512_bf16_supported": False, "_is_avx512_supported": True}, torch.float32),
    ],
    ids=str,
)
def test_an_older_torch_where_there_is_no_list_of_linux(machine, tmp_path, monkeypatch, queries, expected):
    machine(**{name: lambda answer=answer: answer for name, answer in queries.items()})
    monkeypatch.setattr(devices, "_instructions", lambda ask=devices._instructions: ask(tmp_path / "nothing"))
    assert pick_precision(CPU) == expected


def test_the_make_of_a_cpu_is_named(machine):
    makes = [*["AVX2 alone"] * 2, "AVX-512 alone", "AVX-512 BF16", "16-bit matrix tiles (AMX)"]
    for has, make in zip((has for has, _ in PROCESSORS.values()), makes):
        machine(get_capabilities=lambda has=has: dict.fromkeys(has.split(), True))
        assert devices.cpu_make() == make
    machine(get_capabilities=lambda: {"neon": True, "bf16": True})
    assert devices.cpu_make() == "bfloat16 of Arm"


@pytest.mark.parametrize(
    ("has", "emulated"),
    [("avx2", ["bfloat16", "float16"]), ("avx2 avx512_bf16", ["float16"]), ("amx_tile amx_fp16", [])],
)
def test_16_bits_that_a_cpu_emulates_are_given_as_asked_and_said_once(machine, monkeypatch, has, emulated):
    machine(get_capabilities=lambda: dict.fromkeys(has.split(), True))
    monkeypatch.setattr(devices, "_told", set())
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for name, dtype in devices.PRECISIONS.items():
                assert pick_precision(CPU, name) == dtype
        assert [warning.message.args[0].split()[5] for warning in told] == emulated
        emulated = []
    monkeypatch.setattr(devices, "_told", set())
    monkeypatch.setenv("TLKIT_PRECISION", "float16")
    if "amx_fp16" not in has:
        with pytest.warns(UserWarning, match="ten times as long as float32.\nLeave TLKIT_PRECISION at 'auto'"):
            assert pick_precision(CPU) == torch.float16


def test_without_onednn_torch_has_no_use_for_the_instructions(machine):
    machine(has_onednn=False, get_capabilities=lambda: {"bf16": True})  # an Apple M2
    assert pick_precision(CPU) == torch.float32


@pytest.mark.parametrize(
    ("generation", "expected"),
    [((6, 1), torch.float32), ((7, 0), torch.float16), ((7, 5), torch.float16), ((8, 0), torch.bfloat16)],
)
def test_a_gpu_goes_by_its_generation(machine, monkeypatch, generation, expected):
    machine()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: generation)
    assert pick_precision(CUDA) == expected


def test_the_switch_says_what_auto_is_and_no_more(machine, monkeypatch):
    for has in ({"amx_tile": True}, {"amx_tile": False}):
        machine(get_capabilities=lambda has=has: has)
        for name, dtype in devices.PRECISIONS.items():
            monkeypatch.setenv("TLKIT_PRECISION", name)
            assert pick_precision(CPU) == dtype
            assert pick_precision(CPU, "float32") == torch.float32
        for nothing in ("auto", ""):
            monkeypatch.setenv("TLKIT_PRECISION", nothing)
            assert pick_precision(CPU) == (torch.bfloat16 if has["amx_tile"] else torch.float32)


def test_an_unknown_number_type_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="no precision called 'float8'. Did you mean 'float"):
        pick_precision(CPU, "float8")
    monkeypatch.setenv("TLKIT_PRECISION", "bf16")
    with pytest.raises(ValueError, match="no TLKIT_PRECISION called 'bf16'. Did you mean 'bfloat16'"):
        pick_precision(CPU)


def test_this_machine_is_read_without_an_error():
    devices._multiplies.cache_clear()
    assert pick_precision(CPU) in devices.PRECISIONS.values()
