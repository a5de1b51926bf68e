"""The peer of the training benchmark: the same networks as a usual eager PyTorch script has them.

Sizes, initialisation and scaling are those of the public training script of arXiv 2505.07070 (weights N(0, 1), products
scaled by fan_in^(-1/2), mean-field read-out of the convolutional network, one-hot float inputs whose last token is the
mask, all entries v^(-1/2)); for templates, those of the public code of arXiv 2310.09753, in PyTorch's own
initialisation. Written for this benchmark; nothing under `src/` imports it. Needs `torch`, nothing else.

One letter one axis: B sentences, T positions, C channels in, D width, H heads, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MultiHeadAttention(nn.Module):
    """Multi-head softmax attention without biases, `[B, T, D] -> [B, T, D]`; products are scaled by fan_in^(-1/2)."""

    def __init__(self, width: int, heads: int, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query, self.key, self.value, self.output = (nn.Parameter(torch.randn(width, width)) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        scale = width**-0.5

        def split(weight: Tensor) -> Tensor:
            return (F.linear(x, weight) * scale).view(batch, length, self.heads, -1).transpose(1, 2)

        query, key, value = split(self.query), split(self.key), split(self.value)
        scores = query @ key.transpose(-2, -1) * key.shape[-1] ** -0.5
        if self.causal:
            future = torch.ones(length, length, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, float("-inf"))
        mixed = (F.softmax(scores, dim=-1) @ value).transpose(1, 2).reshape(batch, length, width)
        return F.linear(mixed, self.output) * scale


class MultiLayerAttention(nn.Module):
    """Attention layers alone: no residual, norm or MLP; learned positions, read at the last position."""

    def __init__(self, vocab: int, length: int, width: int, heads: int, layers: int):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(width, vocab))
        self.position = nn.Parameter(torch.randn(length, width))
        self.blocks = nn.Sequential(*(MultiHeadAttention(width, heads, causal=False) for _ in range(layers)))
        self.readout = nn.Parameter(torch.randn(vocab, width))

    def forward(self, x: Tensor) -> Tensor:
        """`[B, T, V]` one-hot sentences to `[B, V]` logits."""
        hidden = F.linear(x, self.embedding) * x.shape[-1] ** -0.5 + self.position
        return F.linear(self.blocks(hidden)[:, -1], self.readout) * self.readout.shape[-1] ** -0.5


class HierarchicalCNN(nn.Module):
    """Filters and strides `branching`, ReLU, weights N(0, 1), hidden sums scaled, read-out scaled by 1 / width."""

    def __init__(self, vocab: int, branching: int, width: int, layers: int):
        super().__init__()
        fan_in = [vocab] + [width] * (layers - 1)
        self.filters = nn.ParameterList(torch.randn(width, channels, branching) for channels in fan_in)
        self.readout = nn.Parameter(torch.randn(width, vocab))

    def forward(self, x: Tensor) -> Tensor:
        """`[B, V, T]` one-hot sentences to `[B, V]` logits."""
        for filters in self.filters:
            size, stride = filters[0].numel(), filters.shape[-1]
            x = F.relu(F.conv1d(x, filters, stride=stride) / size**0.5)
        return x.mean(dim=-1) @ self.readout / self.readout.shape[0]


class DecoderBlock(nn.Module):
    """Pre-norm residual block: attention, then a ReLU MLP of 4 times the width without biases."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads, causal=True)
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up = nn.Parameter(torch.randn(4 * width, width))
        self.down = nn.Parameter(torch.randn(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_attention(x))
        hidden = F.relu(F.linear(self.norm_mlp(x), self.up) / x.shape[-1] ** 0.5)
        return x + hidden @ self.down / hidden.shape[-1] ** 0.5


class Decoder(nn.Module):
    """Pre-norm causal transformer over token numbers, logits at every position; token `vocab` starts a sentence."""

    def __init__(self, vocab: int, length: int, width: int, heads: int, layers: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab + 1, width)
        self.position = nn.Parameter(torch.randn(length, width))
        self.blocks = nn.Sequential(*(DecoderBlock(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, vocab)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, T]` tokens to `[B, T, V]` logits."""
        return self.readout(self.norm(self.blocks(self.embedding(tokens) + self.position)))


class TemplateAttention(nn.Module):
    """Full attention of heads whose size is their own, with a trainable multiple of both identities for each head."""

    def __init__(self, width: int, heads: int, head_size: int):
        super().__init__()
        self.heads, self.scale = heads, head_size**-0.5
        self.query_key_value = nn.Linear(width, 3 * heads * head_size, bias=False)
        self.output = nn.Linear(heads * head_size, width, bias=False)
        self.a, self.b = nn.Parameter(torch.zeros(heads)), nn.Parameter(torch.zeros(heads))

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        parts = self.query_key_value(x).chunk(3, dim=-1)
        query, key, value = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in parts)
        alike = (x @ x.transpose(1, 2)).unsqueeze(1)
        weights = F.softmax(query @ key.transpose(2, 3) * self.scale + self.a[:, None, None] * alike, dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(batch, length, -1)
        return self.output(mixed) + (self.b[:, None, None] * weights).sum(dim=1) @ x


class TemplateBlock(nn.Module):
    """Pre-norm residual block with a GELU MLP of twice the width."""

    def __init__(self, width: int, heads: int, head_size: int):
        super().__init__()
        self.attention = TemplateAttention(width, heads, head_size)
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_attention(x))
        return x + self.mlp(self.norm_mlp(x))


class TemplateTransformer(nn.Module):
    """Transformer over token numbers, read at a class token after the sentence."""

    def __init__(self, vocab: int, length: int, width: int, heads: int, head_size: int, layers: int):
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.position = nn.Parameter(torch.randn(length + 1, width))
        self.class_token = nn.Parameter(torch.randn(1, 1, width))
        self.blocks = nn.Sequential(*(TemplateBlock(width, heads, head_size) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.readout = nn.Linear(width, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, T]` tokens to `[B, 1]` outputs."""
        x = torch.cat([self.embedding(tokens), self.class_token.expand(len(tokens), -1, -1)], dim=1)
        return self.readout(self.norm(self.blocks(x + self.position)[:, -1]))
