import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepweeks.metrics import accuracy, confusion
from deepweeks.models import MLP, LeNet
from deepweeks.train import EarlyStopping, batches, evaluate, fit


def problem(n=200):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] + x[:, 1] > 0).long()


def model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))


def test_fit_equals_the_loop_it_replaces():
    x, y = problem()
    ours, bare = MLP([2, 8, 2]), MLP([2, 8, 2])
    bare.load_state_dict(ours.state_dict())
    history = fit(ours, (x, y), steps=25, batch_size=32, lr=0.1, optimizer=torch.optim.SGD, seed=7, show=False)
    opt, order = torch.optim.SGD(bare.parameters(), lr=0.1), batches(200, 32, torch.Generator().manual_seed(7))
    losses = []
    for _ in range(25):
        i = next(order)
        loss = F.cross_entropy(bare(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert history.loss == losses
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), bare.parameters(), strict=True))


def test_fit_learns_and_reports(capsys):
    x, y = problem()
    history = fit(model(), (x[:100], y[:100]), steps=200, lr=0.01, test=(x[100:], y[100:]), every=50)
    assert history.test_metric[-1] > 0.95
    assert history.steps == [50, 100, 150, 200]
    assert len(history.loss) == 200
    assert history.seconds > 0
    assert capsys.readouterr().out.count("\n") == 4


def test_the_last_step_is_evaluated_once():
    x, y = problem()
    history = fit(model(), (x, y), steps=7, test=(x, y), every=3, show=False)
    assert history.steps == [3, 6, 7]


def test_same_seed_same_run_other_seed_other_run():
    def last(seed):
        return fit(model(), problem(), steps=20, seed=seed, show=False).loss

    assert last(1) == last(1)
    assert last(1) != last(2)


def test_a_pass_visits_every_example_once():
    order = batches(10, 5, torch.Generator().manual_seed(0))
    assert sorted(torch.cat([next(order), next(order)]).tolist()) == list(range(10))
    assert len(next(batches(3, 64, torch.Generator()))) == 3


def test_regression_with_its_own_loss_and_no_metric():
    x = torch.linspace(-1, 1, 50)[:, None]
    net = nn.Linear(1, 1)
    history = fit(net, (x, 3 * x + 1), steps=300, lr=0.1, loss=F.mse_loss, metric=None, test=(x, 3 * x + 1), show=False)
    assert history.test_metric == [None] * 10
    assert net.weight.item() == pytest.approx(3, abs=1e-2)
    assert net.bias.item() == pytest.approx(1, abs=1e-2)


@pytest.mark.filterwarnings("ignore")
def test_divergence_stops_with_the_step_and_the_remedy():
    x = torch.randn(64, 1) * 100
    with pytest.raises(FloatingPointError, match=r"no longer finite at step \d+ of \d+; lower the learning rate"):
        fit(nn.Linear(1, 1), (x, x), steps=400, lr=10.0, optimizer=torch.optim.SGD, loss=F.mse_loss, metric=None)


@pytest.mark.parametrize(("n", "m"), [(3, 2), (0, 0)])
def test_inputs_and_targets_must_match(n, m):
    with pytest.raises(ValueError, match=f"{n} inputs and {m} targets"):
        fit(model(), (torch.randn(n, 2), torch.zeros(m).long()), steps=1)


def test_evaluate_uses_evaluation_mode_and_puts_the_mode_back():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    x, y = problem()
    for mode in (True, False):
        net.train(mode)
        results = {evaluate(net, (x, y), batch_size=size) for size in (7, 1000)}
        assert net.training is mode
        losses = [loss for loss, _ in results]
        assert max(losses) - min(losses) < 1e-6
    expected = F.cross_entropy(net[0](x), y).item()
    assert losses[0] == pytest.approx(expected, abs=1e-6)


def test_accuracy_and_confusion_by_hand():
    logits = torch.tensor([[2.0, 1, 0], [0, 3, 1], [1, 0, 2], [5, 0, 1]])
    y = torch.tensor([0, 1, 1, 2])
    assert accuracy(logits, y) == 0.5
    assert confusion(logits, y, 3).tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    for bad in (y[:2], F.one_hot(y)):
        with pytest.raises(ValueError, match="logits must have shape"):
            accuracy(logits, bad)


def test_confusion_agrees_with_scikit_learn():
    from sklearn.metrics import accuracy_score, confusion_matrix

    logits, y = torch.randn(300, 5), torch.randint(0, 4, (300,))
    assert (confusion(logits, y, 5).numpy() == confusion_matrix(y, logits.argmax(1), labels=range(5))).all()
    assert accuracy(logits, y) == pytest.approx(accuracy_score(y, logits.argmax(1)))


def test_models_have_the_shapes_and_parameters_they_promise():
    assert MLP([784, 256, 128, 10])(torch.randn(3, 1, 28, 28)).shape == (3, 10)
    assert sum(p.numel() for p in MLP([784, 256, 128, 10]).parameters()) == 235_146
    assert LeNet()(torch.randn(2, 1, 28, 28)).shape == (2, 10)
    assert sum(p.numel() for p in LeNet().parameters()) == 61_706
    for net, n in ((MLP([784, 9, 10]), 2), (LeNet(), 6)):
        x = torch.randn(2, 1, 28, 28)
        assert torch.equal(net[n:](net[:n](x)), net(x))
        assert net[:n][0] is net[0]
    with pytest.raises(ValueError, match="at least an input and an output"):
        MLP([3])


def test_an_mlp_without_activation_is_linear():
    net = MLP([4, 8, 8, 3], activation=nn.Identity).double()
    a, b = torch.randn(2, 4).double()
    zero = net(torch.zeros(1, 4).double())
    assert torch.allclose(net((a + b)[None]) - zero, net(a[None]) + net(b[None]) - 2 * zero)
    relu = MLP([4, 8, 8, 3]).double()
    zero = relu(torch.zeros(1, 4).double())
    assert not torch.allclose(relu((a + b)[None]) - zero, relu(a[None]) + relu(b[None]) - 2 * zero)


def linear_problem():
    x, y = problem()
    return MLP([2, 2]), (x, y)


def test_a_schedule_steps_after_every_update():
    seen = []

    def schedule(opt):
        scheduler = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: 1 / (1 + step))
        inner = scheduler.step
        scheduler.step = lambda: (seen.append(opt.param_groups[0]["lr"]), inner())
        return scheduler

    net, data = linear_problem()
    fit(net, data, steps=4, lr=1.0, optimizer=torch.optim.SGD, schedule=schedule, show=False)
    assert seen == [1, 1 / 2, 1 / 3, 1 / 4]


def test_clipping_bounds_the_length_of_an_update():
    def moved(clip):
        torch.manual_seed(0)
        net, data = linear_problem()
        before = torch.cat([p.detach().flatten().clone() for p in net.parameters()])
        fit(net, data, steps=1, lr=1.0, optimizer=torch.optim.SGD, clip=clip, show=False)
        return (torch.cat([p.detach().flatten() for p in net.parameters()]) - before).norm().item()

    assert moved(None) > 0.02
    assert moved(0.01) == pytest.approx(0.01, rel=1e-3)


def test_augment_changes_the_training_batches_only():
    calls = []

    def augment(x, y, generator):
        calls.append(torch.rand(1, generator=generator).item())
        return torch.zeros_like(x), F.one_hot(y, 2).float()  # soft targets are allowed

    net, (x, y) = linear_problem()
    before = net[1].weight.detach().clone()
    fit(net, (x, y), steps=5, test=(x, y), optimizer=torch.optim.SGD, augment=augment, show=False)
    assert len(set(calls)) == 5
    assert torch.equal(net[1].weight, before)  # inputs of zero move the bias alone
    first = calls.copy()
    calls.clear()
    fit(net, (x, y), steps=5, augment=augment, show=False)
    assert calls == first


def test_early_stopping_waits_and_puts_the_best_weights_back():
    stopping, net = EarlyStopping(patience=2), nn.Linear(1, 1)
    answers = []
    for step, loss in enumerate([3.0, 2.0, 2.5, 1.0, 1.5, float("nan")]):
        nn.init.constant_(net.weight, step)
        answers.append(stopping.update(loss, net, step))
    assert answers == [False, False, False, False, False, True]
    assert (stopping.best, stopping.best_step) == (1.0, 3)
    stopping.restore(net)
    assert net.weight.item() == 3


def test_min_delta_ignores_small_gains():
    stopping = EarlyStopping(patience=2, min_delta=0.1)
    assert [stopping.update(loss) for loss in (1.0, 0.95, 0.91)] == [False, False, True]
    assert stopping.best == 1.0


def test_fit_stops_early_at_the_best_step():
    net, (x, y) = linear_problem()
    wrong = (x, 1 - y)  # training makes this validation loss worse from the first evaluation on
    history = fit(net, (x, y), steps=500, lr=0.1, test=wrong, every=10, early_stopping=EarlyStopping(3), show=False)
    assert history.best_step == 10
    assert len(history.loss) == 40
    assert evaluate(net, wrong)[0] == pytest.approx(history.test_loss[0])


def test_early_stopping_says_what_it_needs():
    net, data = linear_problem()
    with pytest.raises(ValueError, match="needs validation data"):
        fit(net, data, steps=1, early_stopping=EarlyStopping())
    with pytest.raises(ValueError, match="patience must be 1 or more"):
        EarlyStopping(0)
    with pytest.raises(ValueError, match="no weights to restore"):
        EarlyStopping().restore(net)
