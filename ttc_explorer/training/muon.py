"""Muon: momentum whose update of a weight matrix is made orthogonal (Jordan et al., 2024, «Muon»).

Early in the training of S it needed a little over half the tokens of AdamW for the same loss.
PyTorch's own Muon orthogonalises in bfloat16, which a processor without such instructions only
imitates: there it took as long as the rest of the step. This one works in the precision that it is
given, all matrices of one shape together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
import torch.distributed as dist
from torch import Tensor

MOMENTUM = 0.95
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration: they carry singular values from (0, 1] to about 1 in five
rounds."""


class Muon(torch.optim.Optimizer):
    """For matrices (n, m) only. The update has the root mean square of 0.2, as AdamW's has, so that
    rate and weight decay mean the same in both (Liu et al., arXiv 2502.16982, section 2.2).
    ``dtype`` is what updates are made orthogonal in."""

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float,
        weight_decay: float,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override] # computes no loss
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[matrix.shape].append(matrix)
            for (rows, columns), matrices in by_shape.items():
                updates = _split_across_processes(
                    self._orthogonalise,
                    torch.stack([self._momentum(matrix) for matrix in matrices]),
                )
                size = 0.2 * max(rows, columns) ** 0.5
                for matrix, update in zip(matrices, updates, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.sub_(update, alpha=group["lr"] * size)

    def _orthogonalise(self, matrices: Tensor) -> Tensor:
        return orthogonalise(matrices.to(self.dtype)).to(matrices.dtype)

    def _momentum(self, matrix: Tensor) -> Tensor:
        """Nesterov's: the gradient and the momentum after it."""
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        gradient = matrix.grad
        assert gradient is not None, "step passes over the others"
        state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(state["momentum"], MOMENTUM)


def _split_across_processes(work: Callable[[Tensor], Tensor], matrices: Tensor) -> Tensor:
    """``work`` on matrices (k, n, m) that all processes hold alike, each process doing its share of
    them.

    For the largest generator the orthogonalisation of all would take as long as its forward and
    backward pass.
    """
    if not dist.is_initialized():
        return work(matrices)
    mine = slice(dist.get_rank(), None, dist.get_world_size())
    done = torch.zeros_like(matrices)
    if len(matrices[mine]):
        done[mine] = work(matrices[mine])
    dist.all_reduce(done)  # each matrix is zero in all processes but one, so that the sum is exact
    return done


def orthogonalise(matrices: Tensor) -> Tensor:
    """The nearest matrices with orthonormal rows or columns, roughly: singular values near 1; (k,
    n, m)."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(5):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x
