"""The layers there are, told apart by their `kind` in TOML and JSON. Adding one is its module, and one name here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syntagma.kernels.attention import Attention
from syntagma.kernels.convolution import Convolution
from syntagma.kernels.dense import Dense, LayerNorm
from syntagma.kernels.residual import Residual

AnyLayer = Annotated[Attention | Dense | LayerNorm | Residual | Convolution, Field(discriminator="kind")]
"""Any layer."""

Residual.model_rebuild(_types_namespace={"AnyLayer": AnyLayer})
