"""What week 9 writes by hand, against closed forms and PyTorch in double precision."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepweeks import metrics, models
from deepweeks.data import sequences

# A


def test_number_words_are_split_and_marked():
    pairs = sequences.number_words(below=200, train=100, test=50, seed=3)
    assert not set(pairs.numbers[pairs.train].tolist()) & set(pairs.numbers[pairs.test].tolist())
    assert (pairs.target[:, 0] == sequences.BOS).all() and ((pairs.target == sequences.EOS).sum(1) == 1).all()
    assert not (pairs.target[:, 1:] == sequences.BOS).any()


def test_padding_of_the_source_changes_nothing():
    torch.manual_seed(0)
    for attention in (None, "dot", "general", "additive"):
        model = models.Seq2Seq(9, 9, width=6, attention=attention).double()
        source, target = torch.tensor([[3, 4, 5], [6, 0, 0]]), torch.tensor([[1, 3, 4], [1, 5, 2]])
        more = nn.functional.pad(source, (0, 4))
        torch.testing.assert_close(model(more, target), model(source, target), atol=1e-13, rtol=0)
        if attention:
            weights = model.alignment(more, target)
            assert weights.shape == (2, 3, 7) and not weights[1, :, 1:].any()
            torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, dtype=torch.float64))


def test_teacher_forcing_and_greedy_agree_on_whole_sentences():
    torch.manual_seed(1)
    model = models.Seq2Seq(6, 5, width=8)
    source = torch.randint(3, 6, (400, 3))
    target = torch.cat([torch.full((400, 1), 1), torch.randint(3, 5, (400, 2)), torch.full((400, 1), 2)], 1)
    model.out.bias.data[:3] -= 1  # say words, and sometimes stop
    model.out.bias.data[2] += 0.9
    forced = (model(source, target[:, :-1]).argmax(-1) == target[:, 1:]).all(1)
    said = models.greedy(model, source, limit=3)
    said = nn.functional.pad(said, (0, 3 - said.shape[1]))
    assert torch.equal(forced, (said == target[:, 1:]).all(1))


class Chain:
    """A first-order language as a model: what follows depends on the last token alone."""

    def __init__(self, table):
        self.table = table

    training = False

    def eval(self):
        return self

    def train(self, mode=True):
        return self

    def encode(self, source):
        return source

    def decode(self, memory, said):
        return self.table[said].log()


def sentences(table, length):
    """Every sentence that ends within a number of tokens, with its probability; likeliest first."""
    found = []
    for n in range(length):
        for words in itertools.product(range(3, len(table)), repeat=n):
            ids = (1, *words, 2)
            found.append((math.prod(table[a, b].item() for a, b in itertools.pairwise(ids)), ids[1:]))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_likeliest_sentence(seed):
    table = random(6, 6, seed=seed).mul(2).softmax(-1)
    table[:, :2] = 1e-9
    table /= table.sum(1, keepdim=True)
    best = sentences(table, 5)[0]
    ids, total = models.beam_search(Chain(table), torch.tensor([3]), beams=64, limit=5)[0]
    assert tuple(ids.tolist()) == best[1] and total == pytest.approx(math.log(best[0]), abs=1e-5)


def test_greedy_takes_the_fork_and_a_beam_of_two_does_not():
    table = torch.full((6, 6), 1e-9)
    for last, row in {1: (0.02, 0.53, 0.43, 0.02), 3: (0.34, 0.33, 0.02, 0.31), 4: (0.94, 0.02, 0.02, 0.02)}.items():
        table[last, 2:] = torch.tensor(row)
    table[5, 2:] = 0.25
    source = torch.tensor([3])
    assert models.greedy(Chain(table), source[None]).tolist() == [[3, 2]]
    ids, total = models.beam_search(Chain(table), source, beams=2)[0]
    assert ids.tolist() == [4, 2] and math.exp(total) == pytest.approx(0.43 * 0.94, abs=1e-6)


# B


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_hand(q, k, v, mask=None):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


def rotate(x, t):
    angle = t * 10000.0 ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape", [(), (3,), (2, 4)])
def test_attention_by_hand_equals_pytorch(shape, masked):
    q, k, v = random(*shape, 5, 8), random(*shape, 7, 8, seed=1), random(*shape, 7, 3, seed=2)
    mask = (random(5, 7, seed=3) > 0) | (torch.arange(7) == 0) if masked else None
    want = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(by_hand(q, k, v, mask), want, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(models.attend(q, k, v, mask)[0], want, atol=1e-12, rtol=1e-12)


def test_equal_tokens_get_equal_outputs_without_positions():
    x = random(6, 8)
    x[-1] = x[0]
    mixed = by_hand(x @ random(8, 4, seed=1), x @ random(8, 4, seed=2), x @ random(8, 4, seed=3))
    torch.testing.assert_close(mixed[0], mixed[-1], atol=1e-13, rtol=0)


@pytest.mark.parametrize("d_k", [4, 64, 1024])
def test_variance_of_a_dot_product_is_its_width(d_k):
    products = (random(20_000, d_k) * random(20_000, d_k, seed=1)).sum(1)
    assert products.var().item() / d_k == pytest.approx(1, abs=0.05)


def test_derivative_of_the_softmax_and_its_trace():
    e = random(9)
    a = e.softmax(0)
    slope = torch.autograd.functional.jacobian(lambda e: e.softmax(0), e)
    torch.testing.assert_close(slope, torch.diag(a) - a[:, None] * a)
    assert slope.trace().item() == pytest.approx(1 - a.square().sum().item(), abs=1e-14)


def test_dividing_by_the_width_makes_all_weights_equal():
    e = random(200, 1024) @ random(64, 1024, seed=1).T
    assert (e / 1024).softmax(1).max().item() * 64 < 1.3
    assert 4 < (e / 32).softmax(1).max(1).values.mean().item() * 64 < 12
    assert e.softmax(1).max(1).values.mean().item() > 0.9


def test_a_masked_token_has_no_influence_at_all():
    x, causal = random(6, 8), models.causal_mask(6)
    slope = torch.autograd.functional.jacobian(lambda x: by_hand(x, x, x, causal), x).abs().sum((1, 3))
    assert (slope.triu(1) == 0).all() and (slope.tril() > 0)[torch.tril(torch.ones(6, 6)) > 0].all()


@pytest.mark.parametrize("layer", [nn.TransformerEncoderLayer, models.TransformerBlock])
def test_without_the_mask_the_first_output_feels_the_last_token(layer):
    torch.manual_seed(0)
    ours = layer is models.TransformerBlock
    block = layer(16, 2).double() if ours else layer(16, 2, 32, 0.0, batch_first=True, dtype=torch.float64)
    causal, x = models.causal_mask(6), random(1, 6, 16)
    other = x.clone()
    other[0, -1, 0] += 1  # not all numbers alike: layer norm would not see it
    name, mask = ("mask", causal) if ours else ("src_mask", ~causal)
    assert (block(other) - block(x))[0, 0].abs().max() > 0.001
    assert (block(other, **{name: mask}) - block(x, **{name: mask}))[0, :-1].abs().max() == 0


def test_two_heads_can_name_both_neighbours_exactly():
    n = 7
    shift = torch.eye(n, dtype=torch.float64).roll(1, 0)  # row t asks for position t - 1
    values = random(n, 3)
    for ask, want in ((shift, values.roll(1, 0)), (shift.T, values.roll(-1, 0))):
        torch.testing.assert_close(by_hand(1e4 * ask, torch.eye(n, dtype=torch.float64), values), want)


@pytest.mark.parametrize("heads", [1, 2, 4, 8, 16])
def test_parameters_do_not_depend_on_the_heads(heads):
    for layer in (models.MultiHeadAttention(512, heads), nn.MultiheadAttention(512, heads)):
        assert sum(p.numel() for p in layer.parameters()) == 4 * 512**2 + 4 * 512 == 1_050_624


def test_self_attention_is_equivariant_until_positions_are_added():
    torch.manual_seed(0)
    look, x, order = models.MultiHeadAttention(16, 4).double(), random(1, 7, 16), torch.tensor([3, 1, 6, 0, 2, 5, 4])
    torch.testing.assert_close(look(x[:, order]), look(x)[:, order], atol=1e-13, rtol=0)
    p = models.sinusoidal(7, 16).double()
    assert (look(x[:, order] + p) - look(x + p)[:, order]).abs().max() > 0.01


@pytest.mark.parametrize("k", [1, 7, 40])
def test_a_step_turns_every_clock_by_its_own_angle(k):
    p = models.sinusoidal(90, 32).double()
    pairs = p.unflatten(1, (-1, 2)).flip(2).flatten(1)  # cosine first
    torch.testing.assert_close(torch.stack([rotate(row, k) for row in pairs[:-k]]), pairs[k:], atol=2e-5, rtol=0)
    products = (p[:-k] * p[k:]).sum(1)
    assert products.max() - products.min() < 1e-4


def test_rotated_queries_and_keys_feel_the_distance_alone():
    q, k = random(16), random(16, seed=1)
    scores = [rotate(q, t).dot(rotate(k, t + 5)).item() for t in (0, 3, 50, 1000)]
    assert max(scores) - min(scores) < 1e-10
    assert abs(rotate(q, 0).dot(rotate(k, 6)).item() - scores[0]) > 1e-3


def test_feed_forward_is_two_convolutions_and_two_thirds_of_the_block():
    block = models.TransformerBlock(32, 4).double()
    x = random(2, 5, 32)
    one, two = block.linear1, block.linear2
    hidden = torch.relu(F.conv1d(x.mT, one.weight[:, :, None], one.bias))
    torch.testing.assert_close(F.conv1d(hidden, two.weight[:, :, None], two.bias).mT, block.mlp(x))
    d, big = 512, models.TransformerBlock(512, 8)
    assert sum(p.numel() for p in big.parameters()) == 12 * d**2 + 13 * d
    assert (8 * d**2 + 5 * d) / (12 * d**2 + 13 * d) == pytest.approx(2 / 3, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_attention_alone_makes_all_tokens_equal(seed):
    x, apart = random(32, 64, seed=seed), []
    for layer in range(6):
        wq, wk, wv = (random(64, 64, seed=100 * seed + 10 * layer + i) / 8 for i in range(3))
        x = by_hand(x @ wq, x @ wk, x @ wv)
        x = x * math.sqrt(32 * 64) / x.norm()
        apart.append(((x - x.mean(0)).norm() / x.norm()).item())
    assert apart[-1] < 1e-6
    assert apart[2] / apart[1] < apart[1] / apart[0] < 1  # faster than exponential


@pytest.mark.parametrize("seed", range(4))
def test_other_weights_give_the_same_output(seed):
    v, a = random(16, 4, seed=seed), random(16, seed=seed + 10).softmax(0)
    flat = torch.linalg.svd(torch.cat([v, torch.ones(16, 1)], 1).T)[2][5:]
    way = -flat.T @ flat[:, a.argmax()]
    b = a + way * (-a / way)[way < 0].min()
    assert b.min() > -1e-12 and b.sum().item() == pytest.approx(1) and (a - b).abs().sum() > 0.05
    torch.testing.assert_close(a @ v, b @ v, atol=1e-12, rtol=0)


# C


@pytest.mark.parametrize(
    ("below", "train", "seed"),
    [(10_000, 6000, 0), *((below, 500, k) for below in (2_000, 10**6, 10**9) for k in range(5))],
)
def test_held_out_numbers_are_never_in_training(below, train, seed):
    pairs = sequences.number_words(below=below, train=train, test=500, seed=seed)
    assert pairs.numbers.unique().numel() == train + 500
    for ids in (pairs.numbers[:, None], pairs.source, pairs.target):
        rows = [{tuple(row) for row in ids[part].tolist()} for part in (pairs.train, pairs.test)]
        assert len(rows[0]) == train and len(rows[1]) == 500 and not rows[0] & rows[1]


def test_bleu_agrees_with_a_case_computed_by_hand_and_with_sacrebleu():
    # 5 words said, 6 wanted; 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 quadruples occur
    said, wanted = ["mille deux cent trois neuf"], ["mille deux cent trois dix six"]
    by_hand = 100 * math.exp(1 - 6 / 5) * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert metrics.bleu(said, wanted) == pytest.approx(by_hand, abs=1e-9)
    assert metrics.bleu(wanted, wanted) == pytest.approx(100)
    assert metrics.bleu(["cent cent cent cent cent"], ["cent deux mille six neuf"]) == 0  # counted once, and no pair
    sacrebleu = pytest.importorskip("sacrebleu")
    pairs = sequences.number_words(below=2000, train=300, test=300)
    texts = [
        [pairs.read_target(row).replace("-", " - ") for row in pairs.target[part]] for part in (pairs.train, pairs.test)
    ]
    theirs = sacrebleu.corpus_bleu(texts[0], [texts[1]], tokenize="none", force=True).score
    assert metrics.bleu(*texts) == pytest.approx(theirs, abs=1e-6)


def test_weight_of_one_key_with_an_advantage():
    for n, weight in ((10, 0.943), (100, 0.600), (1_000, 0.129), (10_000, 0.0146)):
        k = torch.zeros(n, 1, dtype=torch.float64)
        k[0] = 5
        _, weights = models.attend(torch.ones(1, 1, dtype=torch.float64), k, k)
        assert weights[0, 0].item() == pytest.approx(math.exp(5) / (math.exp(5) + n - 1), rel=1e-12)
        assert weights[0, 0].item() == pytest.approx(weight, abs=5e-4)


@pytest.mark.parametrize("pieces", [(1, 1, 1, 1, 1), (3, 1, 1), (2, 3), (5,)])
def test_attention_with_a_cache_equals_causal_attention(pieces):
    torch.manual_seed(2)
    layer, x = models.MultiHeadAttention(8, 2).double(), torch.randn(2, 5, 8, dtype=torch.float64)
    keys = values = torch.zeros(2, 2, 0, 4, dtype=torch.float64)
    outputs = []
    for part in x.split(pieces, 1):
        q, k, v = (p(part).unflatten(-1, (2, -1)).transpose(1, 2) for p in (layer.query, layer.key, layer.value))
        keys, values = torch.cat([keys, k], 2), torch.cat([values, v], 2)
        past = keys.shape[2] - part.shape[1]
        mask = torch.ones(part.shape[1], keys.shape[2], dtype=torch.bool).tril(past)
        outputs.append(layer.out(models.attend(q, keys, values, mask)[0].transpose(1, 2).flatten(2)))
    torch.testing.assert_close(torch.cat(outputs, 1), layer(x, mask=models.causal_mask(5)), atol=1e-12, rtol=0)


def test_an_encoder_without_positions_cannot_tell_swapped_words_apart():
    torch.manual_seed(3)
    encoder, words = models.TransformerEncoder(8, 2, 2).double(), nn.Embedding(9, 8).double()
    one, other = (encoder(words(torch.tensor([ids]))).mean(1) for ids in ([3, 4, 5, 6], [6, 4, 5, 3]))
    torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_a_transformer_without_the_causal_mask_sees_what_it_must_say():
    torch.manual_seed(4)
    model = models.Transformer(7, 7, width=8, heads=2, layers=1).double()
    source, target = torch.tensor([[3, 4, 5]]), torch.tensor([[1, 3, 4, 5]])
    changed = target.clone()
    changed[0, 3] = 6
    assert torch.equal(model(source, target)[0, :3], model(source, changed)[0, :3])
    memory = model.encode(source)
    x, y = (model.target(t) + model.target_positions[:4] for t in (target, changed))
    assert (model.decoder(x, None, *memory) - model.decoder(y, None, *memory))[0, :3].abs().max() > 1e-3
