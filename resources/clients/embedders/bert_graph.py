"""A BERT encoder with pooling and normalization as an OpenVINO graph, built straight from its safetensors.

Devlin, Chang, Lee, Toutanova, *BERT*, NAACL 2019; mean or CLS pooling as in Reimers, Gurevych, *Sentence-BERT*, 2019.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false
# OpenVINO's operators are generated and untyped.

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from safetensors import safe_open


class _Weights:
    def __init__(self, path: Path) -> None:
        self._file = safe_open(str(path), framework="numpy")
        names = set(self._file.keys())
        self._prefix = "" if "embeddings.word_embeddings.weight" in names else "bert."

    def constant(self, name: str) -> Any:
        return ops.constant(self._file.get_tensor(self._prefix + name).astype(np.float32, copy=False))


def build_bert(weights: Path, config: dict[str, Any], *, mean_pooling: bool) -> ov.Model:
    """Return a model of inputs ``ids`` and ``mask`` (int64, batch x tokens) and output (float32, batch x dimension)."""
    weight = _Weights(weights)
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    heads = int(config["num_attention_heads"])
    ids = ops.parameter([-1, -1], np.int64, name="ids")
    mask = ops.parameter([-1, -1], np.int64, name="mask")
    kept = ops.convert(mask, "f32")

    hidden = _embeddings(ids, weight, epsilon)
    # 0 for a token, a very negative number for padding: added to the scores, it takes padding out of the softmax.
    bias = ops.multiply(ops.subtract(_f32(1.0), ops.unsqueeze(kept, _i64([1, 2]))), _f32(-1e9))
    for number in range(int(config["num_hidden_layers"])):
        hidden = _layer(hidden, bias, weight, f"encoder.layer.{number}.", heads, epsilon)
    pooled = _mean(hidden, kept) if mean_pooling else ops.gather(hidden, _i64(0), _i64(1))
    result = ops.normalize_l2(pooled, _i64([1]), 1e-12, "max")
    return ov.Model([ops.result(result)], [ids, mask], "bert")  # pyright: ignore[reportGeneralTypeIssues] - its stubs


def _embeddings(ids: Any, weight: _Weights, epsilon: float) -> Any:
    length = ops.gather(ops.shape_of(ids), _i64([1]), _i64(0))
    positions = ops.slice(
        weight.constant("embeddings.position_embeddings.weight"), _i64([0]), length, _i64([1]), _i64([0])
    )
    words = ops.gather(weight.constant("embeddings.word_embeddings.weight"), ids, _i64(0))
    segment = ops.gather(weight.constant("embeddings.token_type_embeddings.weight"), _i64([0]), _i64(0))
    return _norm(ops.add(ops.add(words, segment), positions), weight, "embeddings.LayerNorm", epsilon)


def _layer(hidden: Any, bias: Any, weight: _Weights, at: str, heads: int, epsilon: float) -> Any:
    query, key, value = (
        _by_head(_dense(hidden, weight, f"{at}attention.self.{name}"), heads) for name in ("query", "key", "value")
    )
    attended = ops.scaled_dot_product_attention(query, key, value, bias)
    together = ops.reshape(ops.transpose(attended, _i64([0, 2, 1, 3])), _i64([0, 0, -1]), special_zero=True)
    projected = _dense(together, weight, f"{at}attention.output.dense")
    hidden = _norm(ops.add(projected, hidden), weight, f"{at}attention.output.LayerNorm", epsilon)
    wide = ops.gelu(_dense(hidden, weight, f"{at}intermediate.dense"), "erf")
    narrow = _dense(wide, weight, f"{at}output.dense")
    return _norm(ops.add(narrow, hidden), weight, f"{at}output.LayerNorm", epsilon)


def _by_head(x: Any, heads: int) -> Any:
    split = ops.reshape(x, _i64([0, 0, heads, -1]), special_zero=True)
    return ops.transpose(split, _i64([0, 2, 1, 3]))


def _dense(x: Any, weight: _Weights, at: str) -> Any:
    product = ops.matmul(x, weight.constant(f"{at}.weight"), transpose_a=False, transpose_b=True)
    return ops.add(product, weight.constant(f"{at}.bias"))


def _norm(x: Any, weight: _Weights, at: str, epsilon: float) -> Any:
    normed = ops.mvn(x, _i64([-1]), normalize_variance=True, eps=epsilon, eps_mode="inside_sqrt")
    return ops.add(ops.multiply(normed, weight.constant(f"{at}.weight")), weight.constant(f"{at}.bias"))


def _mean(hidden: Any, kept: Any) -> Any:
    weights = ops.unsqueeze(kept, _i64([2]))
    total = ops.reduce_sum(ops.multiply(hidden, weights), _i64([1]), keep_dims=False)
    count = ops.reduce_sum(weights, _i64([1]), keep_dims=False)
    return ops.divide(total, ops.maximum(count, _f32(1e-9)))


def _i64(value: Any) -> Any:
    return ops.constant(np.array(value, np.int64))


def _f32(value: float) -> Any:
    return ops.constant(np.array(value, np.float32))
