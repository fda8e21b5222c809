"""An ONNX file is one model, whole, of standard operators; anything else is refused without an ONNX library."""

from __future__ import annotations

import pickle
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from engram.artifacts.formats import check_format
from engram.artifacts.onnx_check import MAX_DEPTH, check_onnx
from engram.errors import Refused


def tensor(name: str = "w", numbers: int = 4) -> TensorProto:
    return helper.make_tensor(name, TensorProto.FLOAT, [numbers], bytes(4 * numbers), raw=True)


def value(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [4])


def model(nodes: list[onnx.NodeProto] | None = None, tensors: list[TensorProto] | None = None) -> onnx.ModelProto:
    nodes = nodes if nodes is not None else [helper.make_node("Add", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", [value("x")], [value("y")], tensors if tensors is not None else [tensor()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def put(folder: Path, content: onnx.ModelProto | bytes, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString(deterministic=True))
    return path


def branch(tensors: list[TensorProto], node: onnx.NodeProto | None = None) -> onnx.NodeProto:
    nodes = [node or helper.make_node("Identity", ["w"], ["z"])]
    inner = helper.make_graph(nodes, "inner", [], [value("z")], tensors)
    return helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)


def external() -> TensorProto:
    found = tensor()
    found.ClearField("raw_data")
    found.data_location = TensorProto.EXTERNAL
    found.external_data.add(key="location", value="../../../etc/passwd")
    return found


def test_a_model_passes_and_its_tensors_are_counted(tmp_path):
    assert check_onnx(put(tmp_path, model(tensors=[tensor("a"), tensor("b")]))) == 2
    assert check_onnx(put(tmp_path, model([branch([tensor()])], []))) == 2
    assert check_format("onnx/model.onnx", tmp_path / "model.onnx") is False


def test_a_tensor_in_another_file_is_refused_wherever_it_hides(tmp_path):
    constant = helper.make_node("Constant", [], ["y"], value=external())
    sparse = helper.make_sparse_tensor(external(), helper.make_tensor("i", TensorProto.INT64, [4], range(4)), [4])
    hidden = [
        model(tensors=[external()]),
        model([constant], []),
        model([branch([external()])], []),
        model([branch([], constant)], []),
        model([helper.make_node("Constant", [], ["y"], sparse_value=sparse)], []),
    ]
    for kind in ("tensors", "graphs"):
        node = helper.make_node("Identity", ["x"], ["y"])
        inner = helper.make_graph([], "inner", [], [], [external()])
        node.attribute.append(helper.make_attribute("many", [external()] if kind == "tensors" else [inner]))
        hidden.append(model([node], []))
    for one in hidden:
        with pytest.raises(Refused, match="in another file"):
            check_onnx(put(tmp_path, one))
    only_named = tensor()
    only_named.external_data.add(key="location", value="x")
    with pytest.raises(Refused, match="in another file"):
        check_onnx(put(tmp_path, model(tensors=[only_named])))


def test_an_operator_that_needs_a_library_is_refused(tmp_path):
    strange = helper.make_node("PythonOp", ["x"], ["y"], domain="com.example")
    for one in (model([strange], []), model([branch([], strange)], [])):
        with pytest.raises(Refused, match=r"operators of 'com\.example'"):
            check_onnx(put(tmp_path, one))
    check_onnx(put(tmp_path, model([helper.make_node("Add", ["x", "x"], ["y"], domain="ai.onnx")], [])))


@pytest.mark.parametrize("protocol", range(6))
def test_a_renamed_pickle_is_refused(tmp_path, protocol):
    put(tmp_path, pickle.dumps({"weights": [1.0, 2.0]}, protocol=protocol))
    with pytest.raises(Refused, match="not a sound ONNX model"):
        check_format("onnx/model.onnx", tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04", b"\x7fELF", bytes(100), b"\x08\x0a", b"\xff" * 40])
def test_what_is_no_model_is_refused(tmp_path, content):
    with pytest.raises(Refused, match="not a sound ONNX model"):
        check_onnx(put(tmp_path, content))


def test_a_truncated_or_doubled_model_is_refused(tmp_path):
    whole = model().SerializeToString(deterministic=True)
    for end in range(1, len(whole)):
        try:
            check_onnx(put(tmp_path, whole[:end]))
        except Refused:
            continue
        assert onnx.ModelProto.FromString(whole[:end]).graph == model().graph, "only trailing fields may be lost"
    with pytest.raises(Refused, match="one graph"):
        check_onnx(put(tmp_path, whole * 2))


def test_a_nest_without_a_bottom_is_refused(tmp_path):
    node = helper.make_node("Identity", ["w"], ["z"])
    for _ in range(MAX_DEPTH // 3 + 1):
        node = branch([], node)
        node.attribute.pop()
    with pytest.raises(Refused, match="nested too deeply"):
        check_onnx(put(tmp_path, model([node], [])))


@settings(deadline=None)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_changed_byte_never_breaks_the_check(tmp_path_factory, place, byte):
    content = bytearray(model([branch([tensor()])]).SerializeToString(deterministic=True))
    content[place % len(content)] = byte
    path = put(tmp_path_factory.mktemp("fuzz"), bytes(content))
    try:
        assert check_onnx(path) >= 0
    except Refused:
        pass
