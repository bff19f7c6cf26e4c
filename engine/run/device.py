"""Which device computes."""

from __future__ import annotations

import torch

from ..errors import RequestError


def pick_device(wanted: str) -> str:
    """The device of that name; "auto" takes the first GPU, else the processor.

    Raises:
        RequestError: the device is unknown or not there: a GPU is never silently replaced.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return wanted
    kind, _, number = wanted.partition(":")
    if kind != "cuda" or (number and not number.isdecimal()):
        raise RequestError(f"{wanted} is not a device", where="--device", fix="give auto, cpu, cuda or cuda:N")
    if not torch.cuda.is_available():
        raise RequestError(
            "this installation of torch sees no CUDA device", where="--device", fix="run seamline doctor, or pass cpu"
        )
    if number and int(number) >= torch.cuda.device_count():
        raise RequestError(
            f"there is no CUDA device {number}", where="--device", fix=f"there are {torch.cuda.device_count()}"
        )
    return wanted


def devices_for(device: str, workers: int) -> list[str]:
    """The device of each of several workers: in turn the GPUs of this machine, unless one was named.

    Args:
        device: as ``pick_device`` gives it: ``"cuda"`` leaves the choice, ``"cuda:1"`` does not.
    """
    count = torch.cuda.device_count() if device == "cuda" else 0
    return [f"cuda:{i % count}" if count > 1 else device for i in range(workers)]
