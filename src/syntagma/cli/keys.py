"""The right key for a wrong one: by spelling, by meaning (`lr` is a learning rate), and by where it was looked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from syntagma.errors import InputError

MEANT: Mapping[str, tuple[str, ...]] = {
    "alphabet": ("vocab",),
    "architecture": ("kind", "architecture"),
    "batch": ("batch_size",),
    "bs": ("batch_size",),
    "channels": ("width",),
    "classes": ("num_classes", "classes"),
    "clip": ("clip_norm",),
    "d_model": ("width",),
    "dim": ("width",),
    "early_stopping": ("patience",),
    "embed_dim": ("width",),
    "embedding_dim": ("width",),
    "epochs": ("max_epochs",),
    "eta": ("learning_rate",),
    "examples": ("sizes", "num_examples", "max_examples"),
    "grad_clip": ("clip_norm",),
    "gradient_clip": ("clip_norm",),
    "gradient_clipping": ("clip_norm",),
    "hidden": ("width",),
    "hidden_dim": ("width",),
    "hidden_size": ("width",),
    "iterations": ("max_steps",),
    "l": ("depth",),
    "lr": ("learning_rate",),
    "m": ("rules",),
    "max_grad_norm": ("clip_norm",),
    "model": ("kind", "learner", "learners"),
    "n": ("sizes", "num_examples", "max_examples"),
    "n_head": ("heads",),
    "n_heads": ("heads",),
    "n_layer": ("layers", "depth"),
    "n_layers": ("layers", "depth"),
    "network": ("kind", "learner", "learners"),
    "nhead": ("heads",),
    "num_epochs": ("max_epochs",),
    "num_heads": ("heads",),
    "num_layers": ("layers", "depth"),
    "num_levels": ("depth",),
    "num_rules": ("rules",),
    "num_seeds": ("seeds",),
    "num_steps": ("max_steps",),
    "opt": ("optimizer",),
    "optim": ("optimizer",),
    "p": ("sizes", "num_examples", "max_examples"),
    "regularization": ("ridge", "weight_decay"),
    "repeats": ("seeds",),
    "runs": ("seeds",),
    "s": ("branching",),
    "scheduler": ("schedule",),
    "seq_len": ("sentence_length", "length"),
    "sequence_length": ("sentence_length", "length"),
    "steps": ("max_steps",),
    "step_size": ("learning_rate",),
    "symbols": ("vocab",),
    "t": ("sentence_length", "length"),
    "test_size": ("test_examples",),
    "train_size": ("sizes", "num_examples", "max_examples"),
    "units": ("width",),
    "v": ("vocab",),
    "vocab_size": ("vocab",),
    "vocabulary": ("vocab",),
    "warmup": ("warmup_steps",),
    "wd": ("weight_decay",),
    "zipf": ("rule_probabilities", "exponents"),
}
"""Words that other libraries and the papers use, and the names that they may stand for here, the likeliest first."""
_LONGEST_LIST_SHOWN = 40
_NEARLY_THE_SAME = 0.8


def unknown_key(path: str, part: str, names: Iterable[str], keys: Iterable[str] = ()) -> InputError:
    """The error for a key whose last part is none of `names`, which stand below `path`: the nearest is proposed.

        unknown_key("learners.cnn.learner.", "lr", ["kind", "width"], keys)  # "Did you mean '...learning_rate'?"

    Args:
        keys: all that there are, with dots; one of them is proposed where nothing near is among `names`.
    """
    names = sorted(names)
    near = nearest(path, part, names, keys)
    hint = f"Did you mean {near!r}?" if near else "Choose one of them."
    shown = ", ".join(path + name for name in names[:_LONGEST_LIST_SHOWN]) or "none"
    return InputError(f"key={path + part!r} is unknown: there are {shown}. {hint}")


def nearest(path: str, part: str, names: Iterable[str], keys: Iterable[str] = ()) -> str | None:
    """The key that was meant by `part` below `path`: one of `names` there, or one of `keys` anywhere.

    First what is spelled nearly the same, then the same name elsewhere, then what has that meaning, then what looks
    like it at all. Of several keys the one that shares most of the path.
    """
    names, keys = list(names), list(keys)
    word = part.lower().replace("-", "_")
    spelled = difflib.get_close_matches(part, names, n=1, cutoff=_NEARLY_THE_SAME)
    if spelled:
        return path + spelled[0]
    for name in (part, *MEANT.get(word, ())):
        if name in names:
            return path + name
        if ending := [key for key in keys if key == name or key.endswith(f".{name}")]:
            return max(ending, key=lambda key: (_shared(path, key), -key.count(".")))
    alike = difflib.get_close_matches(part, names, n=1)
    if alike:
        return path + alike[0]
    last = difflib.get_close_matches(word, {key.rpartition(".")[2] for key in keys}, n=1, cutoff=_NEARLY_THE_SAME)
    return nearest(path, last[0], names, keys) if last else None


def _shared(path: str, key: str) -> int:
    """How many parts `path` and `key` have in common from the start."""
    number = 0
    for one, other in zip(path.split("."), key.split("."), strict=False):
        if one != other:
            break
        number += 1
    return number
