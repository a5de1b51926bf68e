"""A PyTorch model against the exact oracle: an ordinary training loop, then what the model has learned.

    python examples/pytorch_model.py

The sentences of training and test are those that runs of this project have, so the curve that is printed can be drawn
beside theirs. Nothing here but `score`, `probe` and the sentences comes from this project.
"""

import torch
from torch import nn

from syntagma import LastToken, RandomHierarchy, TreeOracle, probe, score
from syntagma.plot import learning_curves


def last_token(tokens) -> tuple[torch.Tensor, torch.Tensor]:
    """Sentences as inputs, all but the last token, and what is to be predicted, that token."""
    tokens = torch.as_tensor(tokens.astype("int64"))
    return tokens[:, :-1], tokens[:, -1]


def trained(vocab: int, length: int, train, held_out, steps: int = 1000) -> nn.Sequential:
    """A perceptron of PyTorch at its smallest loss on held-out sentences."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Embedding(vocab, 32), nn.Flatten(),
        nn.Linear(32 * (length - 1), 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, vocab),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    (x, y), (held_x, held_y) = last_token(train), last_token(held_out)
    best, weights = float("inf"), {}
    for step in range(steps):
        rows = torch.randint(len(x), (128,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if step % 25 == 0:
            with torch.no_grad():
                loss = nn.functional.cross_entropy(model(held_x), held_y).item()
            if loss < best:
                best, weights = loss, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights)
    return model


def main(sizes=(256, 1024, 4096), steps: int = 1000) -> None:
    """Train at several sizes, score each model, and draw the curve."""
    torch.set_num_threads(1)  # so small a network gains nothing from more, and loses much where another program runs
    language = RandomHierarchy(vocab=8, rules=3, branching=2, depth=3, seed=0)
    models, predictors = {}, {}
    for size in sizes:
        parts = language.splits(train=size, validation=1024, seed=0)
        model = trained(8, 8, parts["train"].tokens, parts["validation"].tokens, steps)
        models[size] = model
        predictors[size] = lambda tokens, model=model: model(torch.as_tensor(tokens[:, :-1])).log_softmax(-1)
        result = score(language, LastToken(), predictors[size], num_examples=size)
        print(
            f"{size:>5} sentences: {result.loss.value:.3f} nats, {result.excess.value:.3f} +- "
            f"{result.excess.standard_error:.3f} above the oracle; knows level {result.level_learned}"
        )
    curve = score(language, LastToken(), predictors, name="PyTorch perceptron")
    plateaus = [float(one) for one in TreeOracle(language).plateaus()]
    learning_curves({"PyTorch perceptron": curve}, plateaus=plateaus).save("pytorch-model.png")

    largest = models[max(sizes)]
    layers = lambda tokens: {"hidden": largest[:4](torch.as_tensor(tokens[:, :-1]))}  # noqa: E731
    print(probe(language, LastToken(), layers, sentences=1024)["readouts"].to_string(index=False))


if __name__ == "__main__":
    main()
