"""Where networks compute, and in which precision."""

import ctypes
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from inkdigits.errors import UserError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Names of parameters in glibc's malloc.h."""

_LARGEST_BLOCK, _MOST_KEPT = 32 << 20, 1 << 30
"""Bytes. Blocks up to the first are taken from the heap, of which up to the second stays when it is freed."""


def choose(wanted: str) -> torch.device:
    """The device asked for; `auto` is a GPU where there is one. Raises UserError where there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("device is 'cuda', but PyTorch finds no GPU here; use --device cpu")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def precision(wanted: str, device: torch.device) -> str:
    """`bf16` or `fp32`: what was asked for, or under `auto` bf16 where the device is faster in it."""
    if wanted == "auto":
        return "bf16" if is_faster_in_bf16(device) else "fp32"
    return wanted


def autocast(wanted: str, device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    """A context in which networks compute in bf16, or a context that changes nothing, for fp32."""
    if precision(wanted, device) == "fp32":
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)


def is_faster_in_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products in bf16 that outrun those in fp32.

    GPUs may, and processors with AMX, or with AVX512-BF16 unless Intel made them: the one measured took
    twice as long as in fp32 (docs/log.md). Told by name: on a busy machine a stopwatch tells nothing.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    can = torch.cpu.get_capabilities()
    return bool(can.get("amx_bf16") or (can.get("avx512_bf16") and "Intel" not in can.get("cpu_name", "")))


def reuse_memory(device: torch.device) -> None:
    """Has the process keep the memory that one training step frees for the next, where malloc is glibc's.

    By itself glibc gives large blocks back to the system at once, and has the same memory mapped and zeroed
    anew a moment later: up to a tenth of a step (docs/log.md). This holds until the process ends.
    """
    if device.type != "cpu" or sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT)
