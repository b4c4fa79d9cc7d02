"""Where networks compute, and in which precision."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from inkdigits.errors import UserError


def choose(wanted: str) -> torch.device:
    """The device asked for; `auto` is a GPU where there is one. Raises UserError where there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("device is 'cuda', but PyTorch finds no GPU here; use --device cpu")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def precision(wanted: str, device: torch.device) -> str:
    """`bf16` or `fp32`: what was asked for, or under `auto` bf16 where the device multiplies in it.

    GPUs may, and processors with AVX512-BF16 or AMX do.
    """
    if wanted == "auto":
        return "bf16" if computes_in_bf16(device) else "fp32"
    return wanted


def autocast(wanted: str, device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    """A context in which networks compute in bf16, or a context that changes nothing, for fp32."""
    if precision(wanted, device) == "fp32":
        return nullcontext
    return lambda: torch.autocast(device.type, torch.bfloat16)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products in bf16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
