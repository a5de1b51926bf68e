"""A learner of one's own, in PyTorch: a small transformer that predicts the last token, trained in an ordinary loop.

It runs beside this project's learners, from the command line or in any study, with store, resume, figure and claims:

    syntagma fit --learner examples/pytorch_learner.py --examples 1024
    syntagma run scaling-laws --set learners.torch.kind=examples/pytorch_learner.py
"""

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from syntagma.learners import LEARNERS, ForeignLearner

torch.set_num_threads(1)  # runs are trained side by side, one a core


class TinyTransformer(nn.Module):
    """Encoder layers over all tokens, read at the last position, where the hidden token is."""

    def __init__(self, symbols: int, length: int, outputs: int, width: int, layers: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(symbols, width)
        self.positions = nn.Parameter(torch.randn(length, width) * 0.1)
        block = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.readout = nn.Linear(width, outputs)

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """Activations of the last block, [B, T, width]."""
        return self.blocks(self.tokens(tokens) + self.positions)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Log-probabilities [B, outputs]."""
        return self.readout(self.hidden(tokens)[:, -1]).log_softmax(-1)


@LEARNERS.add
class TorchTransformer(ForeignLearner):
    """A transformer of PyTorch, trained by Adam until its validation loss no longer falls."""

    label: ClassVar[str] = "PyTorch transformer"
    kind: Literal["torch-transformer"] = "torch-transformer"
    width: int = Field(default=32, ge=4, multiple_of=4)
    layers: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    steps: int = Field(default=2000, ge=1)
    patience: int = Field(default=8, ge=1)

    def fit(self, inputs, targets, validation, seed):
        """What it predicts at its smallest validation loss."""
        shape, loss = validation.shape, nn.NLLLoss()
        with torch.random.fork_rng():  # the state of others stays as it was
            torch.manual_seed(seed)
            model = TinyTransformer(shape.vocab + 1, shape.length, shape.outputs, self.width, self.layers)
        order = torch.Generator().manual_seed(seed)
        x, y, held_x, held_y = map(torch.as_tensor, (inputs, targets, validation.inputs, validation.targets))
        optimizer = torch.optim.Adam(model.parameters(), self.learning_rate)
        best, weights, waited = math.inf, model.state_dict(), 0
        for step in range(self.steps):
            rows = torch.randint(len(x), (min(128, len(x)),), generator=order)
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
            if step % 50 == 49 or step == self.steps - 1:
                with torch.no_grad():
                    now = loss(model(held_x), held_y).item()
                waited = 0 if now < best else waited + 1
                if now < best:
                    best, weights = now, {name: value.clone() for name, value in model.state_dict().items()}
                if waited == self.patience:
                    break
        model.load_state_dict(weights)
        return lambda tokens: model(torch.as_tensor(tokens))
