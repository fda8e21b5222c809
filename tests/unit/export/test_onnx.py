"""ONNX: standard operators, free sizes, the same bytes each time, and errors in words."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
import torch
from support import families

from engram.errors import MissingExtra, Refused, UserError
from engram.export import onnx as format_onnx
from engram.export import onnx_int8
from engram.export.format import check_packages
from engram.export.wrap import whole_copy


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    model, _, _ = families.tuned(families.save_base("bert", tmp_path_factory.mktemp("base")), "classify")
    return whole_copy(model)


@pytest.fixture(scope="module")
def proto(whole):
    return format_onnx.build(whole, "classify")


def test_sizes_are_free_and_have_names(proto):
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*proto.graph.input, *proto.graph.output)
    }
    assert shapes == {"input_ids": ["batch", "tokens"], "attention_mask": ["batch", "tokens"], "logits": ["batch", 3]}


def test_it_is_standard_and_stripped(proto):
    onnx.checker.check_model(proto, full_check=True)
    assert [(one.domain, one.version) for one in proto.opset_import] == [("", 20)]
    assert not proto.functions
    for field in (b"stack_trace", b"site-packages", b"/tests/", b"pkg.torch"):
        assert field not in format_onnx.encode(proto)


def test_the_same_model_gives_the_same_bytes(whole, proto):
    assert format_onnx.encode(format_onnx.build(whole, "classify")) == format_onnx.encode(proto)


def test_int8_quantises_matrix_products_and_leaves_the_rest(proto):
    small = onnx_int8.quantise(onnx.ModelProto.FromString(format_onnx.encode(proto)))
    onnx.checker.check_model(small)
    kinds = [node.op_type for node in small.graph.node]
    weights = {one.name: one for one in small.graph.initializer}
    eight = [name for name, one in weights.items() if one.data_type == onnx.TensorProto.UINT8]
    assert kinds.count("MatMulInteger") >= 12
    assert len([name for name in eight if name.endswith("_quantized")]) >= 12
    tables = [one for name, one in weights.items() if name.endswith("embeddings.weight")]
    assert [one.data_type for one in tables] == [onnx.TensorProto.FLOAT] * 3
    scales = [one for name, one in weights.items() if name.endswith("_scale")]
    assert any(np.prod(one.dims) > 1 for one in scales), "one scale for each output, not one for all"
    assert b"stack_trace" not in format_onnx.encode(small)
    again = onnx_int8.quantise(onnx.ModelProto.FromString(format_onnx.encode(proto)))
    assert format_onnx.encode(again) == format_onnx.encode(small)


def test_quantising_configures_no_log(proto):
    import logging

    before = list(logging.getLogger().handlers)
    onnx_int8.quantise(onnx.ModelProto.FromString(format_onnx.encode(proto)))
    assert logging.getLogger().handlers == before


def test_a_model_without_matrix_products_is_told():
    add = onnx.helper.make_node("Add", ["a", "a"], ["logits"])
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("a", "logits")]
    graph = onnx.helper.make_graph([add], "g", value[:1], value[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    with pytest.raises(UserError, match="no matrix product"):
        onnx_int8.quantise(model)


def test_a_model_too_large_for_one_file_is_told(whole, monkeypatch):
    monkeypatch.setattr(format_onnx, "MAX_BYTES", 1000)
    with pytest.raises(UserError, match="one ONNX file holds 2 GB"):
        format_onnx.build(whole, "classify")


def test_a_model_that_has_no_graph_is_told(whole, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("the loop has no end\nand more")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(UserError, match=r"bert model can't be exported as ONNX: RuntimeError: the loop has no end\."):
        format_onnx.build(whole, "classify")


@pytest.mark.parametrize("package", format_onnx.PACKAGES)
def test_a_missing_package_is_told_before_any_work(whole, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"{package}.*\[export\]"):
        format_onnx.build(whole, "classify")


def test_what_is_missing_is_known_before_a_run(monkeypatch):
    check_packages([format_onnx.EXPORT, onnx_int8.EXPORT])
    monkeypatch.setattr("engram.export.format.find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(MissingExtra, match=r"'onnx' needs onnxruntime.*\[export\]"):
        check_packages([format_onnx.EXPORT])


def test_a_tensor_in_another_file_is_never_followed(proto, tmp_path):
    model = onnx.ModelProto.FromString(format_onnx.encode(proto))
    onnx.save_model(
        model, tmp_path / "model.onnx", save_as_external_data=True, location="weights.dat", size_threshold=0
    )
    with pytest.raises(Refused, match="another file"):
        format_onnx.open_onnx(tmp_path, None, (), "classify")
