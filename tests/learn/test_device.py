import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from inkdigits.errors import UserError
from inkdigits.learn import device

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def computes_in(context: Callable[[], Any]) -> torch.dtype:
    """The type of a product within the context."""
    with context():
        return F.linear(torch.ones(2, 2), torch.ones(2, 2)).dtype


@pytest.mark.parametrize(
    ("name", "able", "faster"),
    [
        ("Intel Xeon", {}, False),
        ("Intel Xeon", {"avx512_bf16": True}, False),
        ("Intel Xeon", {"avx512_bf16": True, "amx_bf16": True}, True),
        ("AMD EPYC", {"avx512_bf16": False, "amx_bf16": False}, False),
        ("AMD EPYC", {"avx512_bf16": True}, True),
    ],
)
def test_bf16_is_chosen_only_where_the_processor_is_faster_in_it(
    name: str, able: dict[str, bool], faster: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": name, **able})
    assert device.is_faster_in_bf16(CPU) == faster
    assert device.precision("auto", CPU) == ("bf16" if faster else "fp32")
    assert computes_in(device.autocast("auto", CPU)) == (torch.bfloat16 if faster else torch.float32)


def test_this_machine_tells_what_its_processor_can() -> None:
    can = torch.cpu.get_capabilities()
    assert can["architecture"] != "x86_64" or {"cpu_name", "amx_bf16", "avx512_bf16"} <= set(can)


def test_a_gpu_is_asked_whether_it_computes_in_bf16_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for able in (False, True):
        monkeypatch.setattr(
            torch.cuda,
            "is_bf16_supported",
            lambda *, including_emulation, able=able: able or including_emulation,
        )
        assert device.precision("auto", GPU) == ("bf16" if able else "fp32")


def test_a_precision_that_is_asked_for_is_taken() -> None:
    assert computes_in(device.autocast("fp32", CPU)) == torch.float32
    assert computes_in(device.autocast("bf16", CPU)) == torch.bfloat16
    assert [device.precision(word, CPU) for word in ("fp32", "bf16")] == ["fp32", "bf16"]


def test_a_gpu_is_used_where_there_is_one_and_asked_for_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for present in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        assert device.choose("auto") == (GPU if present else CPU)
        assert device.choose("cpu") == CPU
        if present:
            assert device.choose("cuda") == GPU
    with pytest.raises(UserError, match="device is 'cuda', but PyTorch finds no GPU here; use --device cpu"):
        device.choose("cuda")


PAGES_OF_TWENTY_STEPS = """
import ctypes, resource, sys, torch
from inkdigits.learn import device

libc, size = ctypes.CDLL(None), 8 << 20
libc.malloc.restype = ctypes.c_void_p

def step():
    planes = [ctypes.c_void_p(libc.malloc(size)) for _ in range(8)]
    for plane in planes:
        libc.memset(plane, 1, size)
    for plane in planes:
        libc.free(plane)

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "reuse":
    device.reuse_memory(torch.device("cpu"))
step(), step()
before = pages()
for _ in range(20):
    step()
print(pages() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_memory_freed_by_one_step_serves_the_next() -> None:
    reused, mapped = (
        int(subprocess.check_output([sys.executable, "-c", PAGES_OF_TWENTY_STEPS, way]))
        for way in ("reuse", "by itself")
    )
    assert 10 * reused < mapped
