"""Which device computes, and in what precision: the same answers for every command."""

from __future__ import annotations

from landmarks.errors import InputError


def usable_device(name: str | None) -> str:
    """The device to work on.

    Parameters
    ----------
    name : str or None
        As torch names it; None is the GPU where there is one, else the processor.

    Raises
    ------
    InputError
        It cannot be used here.
    """
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # Numbers have to come back, which the meta device never does.
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise InputError(f"--device {name} cannot be used: {reason}") from None
    return name


def fast_precision(device: str) -> str:
    """`bf16` where a device has instructions for it, else `fp32`.

    Parameters
    ----------
    device : str
        As `usable_device` tells it.
    """
    import torch

    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if device != "cpu":
        return "fp32"
    # Without instructions for it, bf16 on a CPU is slower than fp32.
    found: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if found.get("avx512_bf16") or found.get("amx_bf16") else "fp32"
