"""Layers that act on each position alone: dense layers and layer norm.

Dense: h' = phi(sw W h d^(-1/2) + sb b), W and b from N(0, 1), the same at every position. In the limit of many units

    K_pre = sw^2 K + sb^2,               K' = E[phi(u) phi(w)],  (u, w) Gaussian with covariances K_pre
    Theta_pre = sw^2 Theta + K_pre,      Theta' = Theta_pre E[phi'(u) phi'(w)]

    Dense(activation="relu"), Dense(activation="linear")        # a transformer's MLP
    LayerNorm()

LayerNorm: h' = (h - mean h) / std h over units, without gain and bias. Of a centred layer with many units the mean is
0 and the variance is K(x_i, x_i), not random, so K' and Theta' are K and Theta over sqrt(K(x_i, x_i) K(y_k, y_k)); the
gradient through mean and variance is one direction among d. After an activation that is not odd the units have a mean
m_i at each position, and K' is (K - m_i m_k) / sqrt((K(x_i, x_i) - m_i^2) (K(y_k, y_k) - m_k^2)), for ReLU with
m_i = sqrt(K_pre(x_i, x_i) / (2 pi)). Means are not carried from layer to layer here: not implemented, and refused.
Units of variance 0 are 0 after it, in the limit and in networks, and so are gradients through them.

Precision: see `activations`. Covariances are rounded at every layer, so correlations within four units in the last
place of 1 or -1 count as 1 or -1: equal sequences have angle 0.

Sources: Lee et al., arXiv 1711.00165 (NNGP); Jacot et al., arXiv 1806.07572 (NTK); Hron et al., arXiv 2006.10540 (layer
norm). Regime: infinite width; exact.
"""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, model_validator

from syntagma.errors import InputError, invalid
from syntagma.kernels.activations import ActivationName, activate, closed_forms
from syntagma.kernels.correlation import ROUNDING, Roots, roots
from syntagma.kernels.draws import Draws
from syntagma.kernels.finite import FiniteSizes, Forward, HiddenUnits
from syntagma.kernels.joint import Joint
from syntagma.kernels.layer import WideLayer
from syntagma.kernels.pairs import Pairs, Reads
from syntagma.randomness import normal


class Neurons(WideLayer):
    """What dense and convolutional layers share: weights, bias and activation, as in `Dense(activation="erf")`."""

    activation: ActivationName = "relu"
    phase: float = 0.0
    """Of the cosine."""
    weight_variance: float = Field(default=1.0, gt=0)
    bias_variance: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _phase_is_the_cosine_s(self) -> Neurons:
        if self.phase and self.activation != "cos":
            raise invalid("phase", self.phase, f"activation {self.activation!r} has none", "Leave it out")
        return self

    def centred(self, centred_input: bool) -> bool:
        return self.activation in ("linear", "erf")

    @property
    def fresh(self) -> bool:
        return self.activation == "linear"

    def weigh(self, pairs: Pairs) -> Pairs:
        """Covariances of the pre-activations: `Dense(weight_variance=2.0).weigh(pairs)`."""
        nngp = self.weight_variance * pairs.nngp + self.bias_variance
        return pairs.replace(nngp, self.weight_variance * pairs.ntk + nngp)

    def fire(self, joint: Joint) -> Joint:
        """Covariances of the activations, from those of the pre-activations: `Dense().fire(joint)`."""
        rows, columns = (roots(v) for v in (joint.selves.row_variances(), joint.selves.column_variances()))

        def fired(pairs: Pairs, left: Roots, right: Roots) -> Pairs:
            value, slope = closed_forms(self.activation, self.phase, pairs.nngp, left, right, ROUNDING)
            return pairs.replace(value, pairs.ntk * slope)

        selves = fired(joint.selves, rows, columns)
        across = joint.across and fired(joint.across, joint.sides(rows)[0], joint.sides(columns)[1])
        return Joint(selves, across)


class Dense(Neurons):
    """The same dense layer at every position: `Dense(activation="relu", weight_variance=2.0)`."""

    kind: Literal["dense"] = "dense"

    def kernel(self, joint: Joint, reads: Reads, draws: Draws) -> Joint:
        return self.fire(joint.map(lambda pairs, left, right: self.weigh(pairs)))

    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[Forward, FiniteSizes]:
        weights, *bias = normal(key, (sizes.inputs, sizes.width), *[(sizes.width,)] * (self.bias_variance > 0))
        return _DenseNetwork(weights, bias[0] if bias else None, self), sizes.after(sizes.width)


class _DenseNetwork(eqx.Module):
    weights: Float[Array, "d w"]
    bias: Float[Array, " w"] | None
    layer: Dense = eqx.field(static=True)

    def __call__(self, x: HiddenUnits) -> HiddenUnits:
        u = x @ self.weights * (self.layer.weight_variance / len(self.weights)) ** 0.5
        if self.bias is not None:
            u = u + self.layer.bias_variance**0.5 * self.bias
        return activate(self.layer.activation, self.layer.phase, u)


class LayerNorm(WideLayer):
    """Layer normalisation of centred activations, without gain and bias: `LayerNorm()`."""

    kind: Literal["layer-norm"] = "layer-norm"

    def check(self, *, centred_input: bool) -> None:
        if not centred_input:
            raise InputError(
                "layer 'layer-norm' cannot be used: what comes in, from an activation or one-hot tokens, has a mean "
                "over its units that is not 0, and layer norm of that is not implemented. Put it after attention or a "
                "linear dense layer."
            )

    def kernel(self, joint: Joint, reads: Reads, draws: Draws) -> Joint:
        divided = joint.map(self._divide)
        if joint.embedded is None or joint.embedded[0].token_kernel is not None:
            return divided
        embedding, tokens = joint.embedded
        return divided._replace(embedded=(embedding.normalised(), tokens))

    @staticmethod
    def _divide(pairs: Pairs, left: Pairs, right: Pairs) -> Pairs:
        variances = left.row_variances(), right.column_variances()
        rows, columns = (jnp.sqrt(jnp.maximum(variance, 0.0)) for variance in variances)
        scale = rows * columns
        safe = jnp.where(scale > 0, scale, 1.0)
        nngp, ntk = (jnp.where(scale > 0, values / safe, 0.0) for values in (pairs.nngp, pairs.ntk))
        return pairs.replace(nngp, ntk)

    def network(self, key: Key[Array, ""], sizes: FiniteSizes) -> tuple[Forward, FiniteSizes]:
        return _LayerNormNetwork(), sizes


class _LayerNormNetwork(eqx.Module):
    """Where all units are equal, 0, as with the usual small number in the denominator; and so is the gradient.

    Units are divided by the largest first, of which the result does not depend: squares of 1e-30 are 0 in float32.
    """

    def __call__(self, x: HiddenUnits) -> HiddenUnits:
        centred = x - x.mean(-1, keepdims=True)
        largest = jax.lax.stop_gradient(jnp.abs(centred).max(-1, keepdims=True))
        scaled = jnp.where(largest > 0, centred, 1.0) / jnp.where(largest > 0, largest, 1.0)
        return jnp.where(largest > 0, scaled * jax.lax.rsqrt((scaled**2).mean(-1, keepdims=True)), 0.0)
