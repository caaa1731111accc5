"""Muon: updates that are orthogonal, of the size of AdamW's, and lead downhill."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from ttc_explorer.training.muon import Muon, orthogonalise

shapes = pytest.mark.parametrize(
    "shape", [(40, 16), (16, 40), (24, 24)], ids=["tall", "wide", "square"]
)


def matrices(shape, count=3):
    """Matrices whose singular values lie between 0.1 and 1."""
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(count, *shape), full_matrices=False)
    return left @ torch.diag_embed(torch.linspace(0.1, 1, min(shape)).expand(count, -1)) @ right


@shapes
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_singular_values_come_near_one_and_directions_stay(shape, dtype):
    given = matrices(shape)
    made = orthogonalise(given.to(dtype)).float()
    assert made.shape == given.shape
    values = torch.linalg.svdvals(made)
    assert 0.6 < values.min() <= values.max() < 1.3
    left, _, right = torch.linalg.svd(given, full_matrices=False)
    along = (left.mT @ made @ right.mT).diagonal(dim1=1, dim2=2)
    assert torch.allclose(
        along.sort().values, values.sort().values, atol=1e-2 if dtype is torch.float32 else 5e-2
    )


@shapes
def test_an_update_has_a_fifth_of_the_rate_as_root_mean_square(shape):
    matrix = torch.nn.Parameter(torch.zeros(shape))
    matrix.grad = matrices(shape, 1)[0]
    Muon([matrix], lr=0.01, weight_decay=0.0).step()
    assert matrix.detach().square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.25)


def test_every_step_lowers_a_quadratic_loss_until_it_is_near():
    target = matrices((8, 5), 1)[0]
    matrix = torch.nn.Parameter(torch.zeros(8, 5))
    optimiser = Muon([matrix], lr=0.05, weight_decay=0.0)
    losses = []
    for _ in range(12):
        loss = (matrix - target).square().mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]


def test_weight_decay_shrinks_and_matrices_without_gradient_stay():
    moved, still = (torch.nn.Parameter(torch.ones(4, 6)) for _ in range(2))
    moved.grad = torch.zeros(4, 6)
    Muon([moved, still], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(moved, torch.tensor(0.95))
    assert torch.equal(still, torch.ones(4, 6))


def stepped(count):
    """Three weight matrices, ``count`` of which have gradients, after a step."""
    weights = [torch.nn.Parameter(matrix) for matrix in matrices((6, 4))]
    for weight, gradient in zip(weights[:count], matrices((6, 4)).flip(0), strict=False):
        weight.grad = gradient
    Muon(weights, lr=0.1, weight_decay=0.1).step()
    return torch.stack([weight.detach() for weight in weights])


def in_one_of_two(rank, rendezvous, out):
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    torch.save([stepped(count) for count in (1, 3)], out / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_that_share_the_work_step_as_one_does(tmp_path):
    """With one matrix the second process has nothing to do."""
    multiprocessing.spawn(in_one_of_two, (f"file://{tmp_path}/meeting", tmp_path), nprocs=2)
    for rank in range(2):
        for count, made in zip((1, 3), torch.load(tmp_path / f"{rank}.pt"), strict=True):
            assert torch.allclose(made, stepped(count), rtol=0, atol=1e-6)
