"""CPU time of `fit` over the bare loop that it replaces: same model, batches and steps. Aim: at most 1.05."""

import statistics
import sys
import time

import torch
import torch.nn.functional as F

from deepweeks.models import MLP, LeNet
from deepweeks.train import fit

REPEATS = int(sys.argv[1]) if len(sys.argv) > 1 else 9
N, BATCH, STEPS = 4096, 64, 300


def bare(model, x, y, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    done = 0
    model.train()
    while done < steps:
        for batch in torch.randperm(len(x), generator=generator).split(BATCH):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += 1
            if done == steps:
                break


def library(model, x, y, steps):
    fit(model, (x, y), steps=steps, batch_size=BATCH, lr=1e-3, show=False)


def cpu_seconds(run, make, x, y, steps):
    torch.manual_seed(0)
    model = make()
    began = time.process_time()
    run(model, x, y, steps)
    return time.process_time() - began


torch.set_num_threads(1)
x, y = torch.rand(N, 1, 28, 28), torch.randint(10, (N,))
for name, make, steps in [("MLP 784-256-10", lambda: MLP([784, 256, 10]), STEPS), ("LeNet", LeNet, STEPS // 3)]:
    for run in (bare, library):
        cpu_seconds(run, make, x, y, 20)
    pairs = []
    for k in range(REPEATS):  # in turn first and second, so that neither gains from a warmer machine
        runs = (bare, library) if k % 2 == 0 else (library, bare)
        seconds = {run: cpu_seconds(run, make, x, y, steps) for run in runs}
        pairs.append((seconds[bare], seconds[library]))
    for what, times in zip(("bare loop", "fit"), zip(*pairs, strict=True), strict=True):
        print(f"{name:15} {what:10} {statistics.median(times) / steps * 1000:.3f} ms CPU a step")
    print(f"{name:15} ratio      {statistics.median(b / a for a, b in pairs):.3f} (median of {REPEATS} pairs)")
