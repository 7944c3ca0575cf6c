"""What week 9 puts into the library, against torch.nn, num2words and sacrebleu."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from num2words import num2words
from torch import nn

from deepweeks import losses, metrics, models
from deepweeks.data import sequences
from deepweeks.data.sequences import BOS, EOS, PAD
from deepweeks.train import evaluate, fit

sacrebleu = pytest.importorskip("sacrebleu")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_attend_equals_torch_with_and_without_a_mask():
    q, k, v = (torch.randn(2, 3, n, 8, dtype=torch.float64) for n in (5, 7, 7))
    mask = torch.rand(2, 1, 5, 7) < 0.6
    mask[..., 0] = True
    for chosen in (None, mask):
        mixed, weights = models.attend(q, k, v, chosen)
        torch.testing.assert_close(mixed, F.scaled_dot_product_attention(q, k, v, attn_mask=chosen))
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))
    assert (weights[~mask.expand_as(weights)] == 0).all()


def test_multi_head_attention_takes_torchs_weights():
    theirs = nn.MultiheadAttention(12, 3, batch_first=True).double()
    ours = models.MultiHeadAttention(12, 3).double()
    ours.load_state_dict(theirs.state_dict())
    x, context = torch.randn(2, 4, 12).double(), torch.randn(2, 6, 12).double()
    want, weights = theirs(x, context, context, average_attn_weights=False)
    torch.testing.assert_close(ours(x, context), want)
    torch.testing.assert_close(ours.weights, weights)
    assert not ours.weights.requires_grad
    ours.load_state_dict(models.MultiHeadAttention(12, 3).double().state_dict())  # its own names still load
    with pytest.raises(ValueError, match="got 12 and 5"):
        models.MultiHeadAttention(12, 5)


@pytest.mark.parametrize("norm_first", [True, False])
def test_blocks_take_torchs_weights(norm_first):
    options = {"dim_feedforward": 20, "dropout": 0.0, "batch_first": True, "norm_first": norm_first}
    x, context = torch.randn(2, 5, 12).double(), torch.randn(2, 6, 12).double()
    causal, real = models.causal_mask(5), torch.arange(6) < torch.tensor([[6], [4]])
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(12, 3, **options), 2, nn.LayerNorm(12) if norm_first else None, False
    ).double()
    ours = models.TransformerEncoder(12, 3, 2, feedforward=20, norm_first=norm_first).double()
    ours.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(ours(x, causal), encoder(x, mask=~causal))
    layer = nn.TransformerDecoderLayer(12, 3, **options).double()
    block = models.TransformerBlock(12, 3, feedforward=20, cross=True, norm_first=norm_first).double()
    block.load_state_dict(layer.state_dict())
    want = layer(x, context, tgt_mask=~causal, memory_key_padding_mask=~real)
    torch.testing.assert_close(block(x, causal, context, real[:, None, None]), want)


def test_sinusoidal_is_the_published_formula():
    codes = models.sinusoidal(50, 8)
    assert codes[7, 4].item() == pytest.approx(torch.tensor(7 / 10_000 ** (4 / 8)).sin().item(), abs=1e-6)
    assert codes[7, 5].item() == pytest.approx(torch.tensor(7 / 10_000 ** (4 / 8)).cos().item(), abs=1e-6)
    with pytest.raises(ValueError, match="got 7"):
        models.sinusoidal(5, 7)


KINDS = [None, "dot", "general", "additive", "transformer"]


def translator(kind, width=16):
    if kind == "transformer":
        return models.Transformer(9, 11, width=width, length=12)
    return models.Seq2Seq(9, 11, width=width, attention=kind)


SOURCE = torch.tensor([[3, 4, 5, 6, 7], [8, 3, 4, PAD, PAD]])
TARGET = torch.tensor([[BOS, 3, 4, 5], [BOS, 6, 7, PAD]])


@pytest.mark.parametrize("kind", KINDS)
def test_translators_see_neither_padding_nor_the_future(kind):
    model = translator(kind).eval()
    logits = model(SOURCE, TARGET)
    assert logits.shape == (2, 4, 11)
    torch.testing.assert_close(model(SOURCE[1:, :3], TARGET[1:]), logits[1:])
    later = TARGET.clone()
    later[:, 2:] = 9
    torch.testing.assert_close(model(SOURCE, later)[:, :2], logits[:, :2])
    assert not torch.allclose(model(SOURCE, later)[:, 2:], logits[:, 2:])
    if kind not in (None, "transformer"):
        weights = model.alignment(SOURCE, TARGET)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4))
        assert (weights[1, :, 3:] == 0).all()


@pytest.mark.parametrize("kind", ["dot", "general", "additive"])
def test_the_scores_are_the_published_ones(kind):
    model = translator(kind)
    states, last, _ = model.encode(SOURCE[:1])
    q = model.decoder(model.target(TARGET[:1]), last)[0]
    t, i = 2, 1
    score = {
        "dot": lambda q, h: q @ h,
        "general": lambda q, h: q @ (model.key.weight @ h),
        "additive": lambda q, h: (
            model.score.weight[0] @ torch.tanh(model.query.weight @ q + model.query.bias + model.key.weight @ h)
        ),
    }[kind]
    scores = torch.stack([score(q[0, t], states[0, j]) for j in range(5)])
    torch.testing.assert_close(model.alignment(SOURCE[:1], TARGET[:1])[0, t, i], scores.softmax(0)[i])


def test_attention_maps_are_the_weights_used_and_leave_the_mode():
    model = models.Transformer(9, 11, width=16, heads=2, layers=1, dropout=0.5).train()
    maps = models.attention_maps(model, SOURCE, TARGET)
    assert model.training and [m.shape for m in maps] == [(2, 2, 5, 5), (2, 2, 4, 4), (2, 2, 4, 5)]
    assert (maps[0][1, :, :, 3:] == 0).all() and (maps[1].triu(1) == 0).all() and (maps[2][1, :, :, 3:] == 0).all()
    assert all(torch.equal(a, b) for a, b in zip(maps, models.attention_maps(model, SOURCE, TARGET), strict=True))


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="valid: None, dot, general, additive"):
        models.Seq2Seq(3, 3, attention="luong")
    with pytest.raises(ValueError, match="valid: learned, sinusoidal"):
        models.Transformer(3, 3, positions="rotary")
    with pytest.raises(ValueError, match="5 tokens are more than the 4 positions"):
        models.Transformer(9, 11, width=8, length=4)(SOURCE, TARGET)


class Scripted(nn.Module):
    """Says what a table of next-token probabilities says, by the last token only."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(torch.tensor(table).log())

    def encode(self, source):
        return source

    def decode(self, memory, target):
        return self.table[target]


# After <bos>: 3 looks best, but whatever follows it is unlikely; 4 leads to the likeliest sentence.
TABLE = [[0.2] * 5, [0.0, 0.0, 0.1, 0.5, 0.4], [0.2] * 5, [0.0, 0.0, 0.4, 0.3, 0.3], [0.0, 0.0, 0.9, 0.05, 0.05]]


def sentences(limit):
    """Every sentence of up to ``limit`` tokens, with its log probability."""
    table = torch.tensor(TABLE).log()
    for length in range(1, limit + 1):
        for inner in itertools.product((3, 4), repeat=length - 1):
            ids = (BOS, *inner, EOS)
            yield ids[1:], sum(table[a, b].item() for a, b in itertools.pairwise(ids))


def test_beam_search_finds_what_greedy_misses():
    model, source = Scripted(TABLE).train(), torch.tensor([3])
    assert models.greedy(model, source[None], limit=4).tolist() == [[3, EOS]] and model.training
    best = max(sentences(4), key=lambda pair: pair[1])
    found = models.beam_search(model, source, beams=4, limit=4)
    assert tuple(found[0][0].tolist()) == best[0] == (4, EOS)
    assert found[0][1] == pytest.approx(best[1], abs=1e-5) and model.training
    wide = models.beam_search(model, source, beams=64, limit=4)
    want = sorted(sentences(4), key=lambda pair: -pair[1])
    assert [tuple(ids.tolist()) for ids, _ in wide[:4]] == [ids for ids, _ in want[:4]]
    assert [p for _, p in models.beam_search(model, source, beams=1, limit=4)] == pytest.approx(
        [sum(torch.tensor([0.5, 0.4]).log().tolist())], abs=1e-5
    )


def test_a_penalty_favours_longer_sentences():
    model = Scripted(TABLE)
    short, long = (models.beam_search(model, torch.tensor([3]), beams=8, limit=4, penalty=p)[0][0] for p in (0.0, 3.0))
    assert len(long) > len(short)


def test_greedy_stops_and_pads():
    said = models.greedy(Scripted(TABLE), torch.tensor([[3], [4]]), limit=6)
    assert said.shape == (2, 2) and said[0].tolist() == [3, EOS]


def test_number_words_are_num2words_and_held_out():
    pairs = sequences.number_words(3_000, train=1_500, test=1_000, seed=1)
    assert pairs.source.shape[0] == pairs.target.shape[0] == 2_500
    for row in range(0, 2_500, 7):
        n = int(pairs.numbers[row])
        assert pairs.read_source(pairs.source[row]) == num2words(n)
        assert pairs.read_target(pairs.target[row]) == num2words(n, lang="fr")
    trained, held_out = (set(pairs.numbers[rows].tolist()) for rows in (pairs.train, pairs.test))
    assert len(trained) == 1_500 and len(held_out) == 1_000 and not trained & held_out
    trained, held_out = ({tuple(r) for r in pairs.source[rows].tolist()} for rows in (pairs.train, pairs.test))
    assert not trained & held_out
    assert (pairs.target[:, 0] == BOS).all() and ((pairs.target == EOS).sum(1) == 1).all()
    again = sequences.number_words(3_000, train=1_500, test=1_000, seed=1)
    assert torch.equal(again.target, pairs.target)
    big = sequences.number_words(10**9, train=20, test=10)
    assert len(set(big.numbers.tolist())) == 30 and big.numbers.max() > 10**6
    with pytest.raises(ValueError, match="only 10 numbers"):
        sequences.number_words(10, train=8, test=3)


def test_exact_match_reads_up_to_the_end():
    targets = torch.tensor([[5, 6, EOS, PAD], [5, 6, EOS, PAD], [5, EOS, PAD, PAD], [5, 6, EOS, PAD]])
    outputs = torch.tensor([[5, 6, EOS], [5, 7, EOS], [5, EOS, PAD], [5, 6, 6]])
    assert metrics.exact_match(outputs, targets) == 0.5
    with pytest.raises(ValueError, match="3 outputs and 4 targets"):
        metrics.exact_match(outputs[:3], targets)


@pytest.mark.parametrize("wrong", [0.0, 0.1, 0.5])
def test_bleu_is_sacrebleus(wrong):
    generator = torch.Generator().manual_seed(3)
    references = [num2words(n, lang="fr") for n in range(1000, 1300)]
    hypotheses = []
    for line in references:
        words = line.split()
        keep = torch.rand(len(words), generator=generator).tolist()
        hypotheses.append(" ".join(w for w, u in zip(words, keep, strict=True) if u >= wrong))
    want = sacrebleu.corpus_bleu(hypotheses, [references], tokenize="none", smooth_method="none").score
    assert metrics.bleu(hypotheses, references) == pytest.approx(want, abs=1e-9)


def test_bleu_at_the_edges():
    assert metrics.bleu(["a b c d"], ["a b c d"]) == pytest.approx(100)
    assert metrics.bleu(["a b c"], ["x y z"]) == 0
    with pytest.raises(ValueError):
        metrics.bleu(["a"], ["a", "b"])


def test_token_loss_does_not_count_padding():
    logits, targets = torch.randn(2, 3, 5), torch.tensor([[1, 2, PAD], [3, PAD, PAD]])
    p = logits.log_softmax(-1)
    want = -(p[0, 0, 1] + p[0, 1, 2] + p[1, 0, 3]) / 3
    torch.testing.assert_close(losses.token_loss(logits, targets), want)


def test_fit_takes_two_inputs():
    pairs = sequences.number_words(30, train=20, test=10)
    model = models.Seq2Seq(len(pairs.source_words), len(pairs.target_words), width=16)
    data = (pairs.source, pairs.target[:, :-1]), pairs.target[:, 1:]
    seen = []

    def watch(inputs, y, generator):
        seen.append((len(inputs), inputs[0].shape[0], y.shape[0]))
        return inputs, y

    options = {"loss": losses.token_loss, "metric": None}
    history = fit(model, data, steps=30, lr=1e-2, batch_size=8, test=data, augment=watch, show=False, **options)
    assert history.test_loss[-1] < history.loss[0] and set(seen) == {(2, 8, 8)}
    whole, parts = (evaluate(model, data, batch_size=n, **options)[0] for n in (30, 7))
    assert whole == pytest.approx(parts, rel=1e-5)
    with pytest.raises(ValueError, match="29 inputs and 30 targets"):
        fit(model, ((pairs.source[1:], pairs.target[:, :-1]), pairs.target[:, 1:]), steps=1, show=False, **options)
