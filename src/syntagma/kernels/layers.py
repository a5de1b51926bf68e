"""The layers there are, told apart by their `kind` in TOML and JSON, and a skip connection around any of them.

    h' = h + scale branch(h):          K' = K + scale^2 K_branch,   Theta' = Theta + scale^2 Theta_branch

    Residual(of=(Attention(scores="linear"),), scale=0.5)

The sums hold because the branch ends in linear weights of its own, with mean zero: its output is uncorrelated with the
skipped input, and so are the gradients through the two. A branch that ends otherwise is refused.
Source: Hron et al., arXiv 2006.10540, section 3.

Adding a layer is its module, and one name in `AnyLayer`. Regime: infinite width; exact.
"""

from __future__ import annotations

from typing import Annotated, Literal

import equinox as eqx
import jax
from jaxtyping import Array, Key
from pydantic import Field

from syntagma.errors import InputError, invalid
from syntagma.kernels.attention import Attention
from syntagma.kernels.convolution import Convolution
from syntagma.kernels.dense import Dense, LayerNorm
from syntagma.kernels.draws import Draws
from syntagma.kernels.finite import FiniteSizes, Forward, HiddenUnits
from syntagma.kernels.joint import Joint
from syntagma.kernels.layer import WideLayer, narrow, propagate
from syntagma.kernels.pairs import Pairs, Reads


class Residual(WideLayer):
    """A skip connection around `of`, whose output is times `scale`: `Residual(of=(Attention(),), scale=0.5)`."""

    kind: Literal["residual"] = "residual"
    of: tuple[AnyLayer, ...] = Field(min_length=1)
    scale: float = 1.0

    @property
    def mixes(self) -> bool:
        return any(layer.mixes for layer in self.of)

    def check(self, *, centred_input: bool) -> None:
        if not self.of[-1].fresh:
            raise InputError(
                f"layer 'residual' cannot be used: its branch ends in {self.of[-1].kind!r}, whose output is correlated "
                "with the skipped input. End it in attention or a linear dense layer."
            )
        if any(layer.kind == "convolution" for layer in self.of):
            raise InputError("layer 'residual' cannot be used: a convolution in its branch changes the positions.")
        for layer in self.of:
            layer.check(centred_input=centred_input)
            centred_input = layer.centred(centred_input)

    def kernel(self, joint: Joint, reads: Reads, draws: Draws) -> Joint:
        skip, branch = narrow(joint, reads), propagate(self.of, joint, reads, draws)
        across = skip.across and branch.across and self._add(skip.across, branch.across)
        return Joint(self._add(skip.selves, branch.selves), across)

    def _add(self, skip: Pairs, branch: Pairs) -> Pairs:
        def add(skipped: Array, branched: Array) -> Array:
            return skipped + self.scale * (self.scale * branched)  # the square alone may overflow

        return skip.replace(add(skip.nngp, branch.nngp), add(skip.ntk, branch.ntk))

    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[Forward, FiniteSizes]:
        branch, inner = [], sizes
        for i, layer in enumerate(self.of):
            module, inner = layer.network(jax.random.fold_in(key, i), inner)
            branch.append(module)
        if inner.inputs != sizes.inputs:
            allowed = f"the branch puts out {inner.inputs} units beside {sizes.inputs} skipped ones"
            raise invalid("width", sizes.width, allowed, "Put a linear dense layer before the first residual one")
        return _ResidualNetwork(tuple(branch), self.scale), sizes


class _ResidualNetwork(eqx.Module):
    branch: tuple[Forward, ...]
    scale: float = eqx.field(static=True)

    def __call__(self, x: HiddenUnits) -> HiddenUnits:
        inner = x
        for layer in self.branch:
            inner = layer(inner)
        return x + self.scale * inner


AnyLayer = Annotated[Attention | Dense | LayerNorm | Residual | Convolution, Field(discriminator="kind")]
"""Any layer."""

Residual.model_rebuild()
