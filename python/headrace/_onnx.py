"""`headrace.to_onnx`: a model file written as an ONNX graph, and held against its own scores."""

import collections
import io
import json
import os
import zipfile

import numpy
import onnx
import onnxruntime
import pyarrow
import pyarrow.compute
import pyarrow.ipc

from headrace import InvalidModelError, Model, __version__, _onnx_learners, _onnx_transforms, load
from headrace._onnx_graph import ML, Graph
from headrace._trace import refuse

TOLERANCE = 1e-9        # apart, of the score where that is above 1: what the last places of another exp and another order of sums come to
_NEAR = 1 - 1e-12       # of the threshold: a row that scores the threshold itself is labelled alike, whatever the last place of exp
_OPSET, _ML_OPSET, _IR = 21, 5, 10
_TYPES = {"double": "double", "int": "int64", "bool": "bool", "text": "string", "date": "int64", "timestamp": "int64"}
_OUTPUTS, _CLUSTER_OUTPUTS = ("score", "scores", "label"), ("cluster", "distance")
_LARGEST = 2 ** 31      # bytes of a message


def to_onnx(model, path, sample):
    model = model if isinstance(model, Model) else load(model)
    rows = _table(sample)
    if rows.num_rows == 0:
        raise ValueError("the sample has no rows; give rows like those that will be scored")
    proto, inputs = _build(model)
    if proto.ByteSize() >= _LARGEST:
        refuse("the model", f"it would be {proto.ByteSize()} bytes long, and an ONNX file has less than 2 GiB")
    content = proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    _prove(model, session, rows, inputs, "of the sample")
    _prove(model, session, _made_up(model, inputs), inputs, "of the rows that the model file makes up")
    _write(path, content)


# The graph

def _build(model):
    """The ONNX model, and its columns: (column of the contract, element type, name of the input that says what is missing or None)."""
    with zipfile.ZipFile(io.BytesIO(model.to_bytes())) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist() if name != "proof.arrow"}
    transform, info = json.loads(members["transform.json"]), model.info
    clusters = info["task"] == "clustering"
    graph = Graph()
    columns, inputs, features = {}, [], _onnx_transforms.read_by_steps(transform)
    for one in transform["inputs"]:
        columns[one["name"]], described = _input(graph, one, {other["name"] for other in transform["inputs"]}, _CLUSTER_OUTPUTS if clusters else _OUTPUTS)
        if one["name"] in features and described[1] == onnx.TensorProto.DOUBLE:
            graph.refuse_infinite(columns[one["name"]].value)
        inputs.append(described)
    x, width = _onnx_transforms.vector(graph, transform, columns)
    outputs = _cluster_outputs(graph, members, x, width) if clusters else _score_outputs(graph, members, info, x, width, columns)
    made = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "headrace", graph.inputs, outputs, graph.constants), ir_version=_IR, producer_name="headrace", producer_version=__version__,
        opset_imports=[onnx.helper.make_opsetid("", _OPSET), onnx.helper.make_opsetid(ML, _ML_OPSET)])
    said = {"headrace.clusters": str(info["clusters"])} if clusters else {"headrace.target": info["target"], "headrace.classes": json.dumps(info["classes"])}
    onnx.helper.set_model_props(made, {"headrace.digest": info["digest"]} | said)
    return made, inputs


def _score_outputs(graph, members, info, x, width, columns):
    scores = _onnx_learners.scores(graph, members, info["task"], info["classes"], x, width, columns)
    several = info["task"] == "multiclass"
    name = graph.op("Add", scores, _nothing(graph), out="scores" if several else "score")
    outputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, ["N", len(info["classes"]) if several else 1])]
    if info["task"] != "regression":
        label = _label(graph, name, info, several)
        outputs.append(onnx.helper.make_tensor_value_info(label, onnx.TensorProto.STRING, ["N", 1]))
    return outputs


def _cluster_outputs(graph, members, x, width):
    """-1 where a row is refused."""
    nearest, apart = _onnx_learners.clusters(graph, members, x, width)
    distance = graph.op("Add", apart, _nothing(graph), out="distance")
    cluster = graph.op("Where", graph.op("IsNaN", distance), graph.whole(-1), nearest, out="cluster")
    return [onnx.helper.make_tensor_value_info(cluster, onnx.TensorProto.INT64, ["N", 1]), onnx.helper.make_tensor_value_info(distance, onnx.TensorProto.DOUBLE, ["N", 1])]


def _nothing(graph):
    """[N, 1]: 0, and NaN in rows that are refused."""
    nothing = graph.refused[0]
    for one in graph.refused[1:]:
        nothing = graph.add(nothing, one)
    return nothing


def _input(graph, described, names, outputs):
    """The column in the graph, and how it is fed."""
    name, kind, nullable = described["name"], described["type"], described["nullable"]
    types = onnx.TensorProto
    element = {"double": types.DOUBLE, "int": types.INT64, "bool": types.BOOL, "text": types.STRING, "date": types.INT64, "timestamp": types.INT64}.get(kind)
    if element is None:
        refuse(f"column `{name}`", f"it is a {kind}, which is not written as ONNX", "derive numbers of it in a step before `train`")
    if name in outputs:
        refuse(f"column `{name}`", "an output of the ONNX model has that name", "rename the column")
    if kind in ("int", "bool") and nullable:
        element = types.DOUBLE   # NaN: missing

    def declare(name, element):
        graph.inputs.append(onnx.helper.make_tensor_value_info(name, element, ["N", 1]))
    declare(name, element)
    if kind in ("double", "int", "bool"):
        return _onnx_transforms.Column(kind, name if element == types.DOUBLE else graph.double(name)), (described, element, None)
    if not nullable:
        return _onnx_transforms.Column(kind, name), (described, element, None)
    missing = f"{name}_missing"
    if missing in names:
        refuse(f"column `{name}`", f"the input `{missing}` tells where it is missing, and there is a column of that name", "rename that column")
    declare(missing, types.BOOL)
    return _onnx_transforms.Column(kind, name, missing), (described, element, missing)


def _label(graph, name, info, several):
    """The class as text; "" where a row is refused."""
    if several:
        best = graph.op("ArgMax", name, axis=1, keepdims=1)
    else:
        best = graph.op("Cast", graph.op("GreaterOrEqual", name, graph.row([info["threshold"] * _NEAR])), to=onnx.TensorProto.INT64)
    label = graph.op("LabelEncoder", best, domain=ML, keys_int64s=list(range(len(info["classes"]))), values_strings=info["classes"], default_string="")
    refused = graph.op("IsNaN", graph.columns(name, [0]))
    return graph.op("Where", refused, graph.constant([[""]], object), label, out="label")


# The sample

def _table(sample):
    if isinstance(sample, pyarrow.Table):
        return sample
    if not hasattr(sample, "__arrow_c_stream__"):
        raise TypeError(f"sample must be a table that exports Arrow (`__arrow_c_stream__`: pandas, Polars, pyarrow, DuckDB), got {type(sample).__name__}")
    return pyarrow.Table.from_pandas(sample, preserve_index=False) if type(sample).__module__.partition(".")[0] == "pandas" else pyarrow.table(sample)


def _feed(rows, inputs):
    """The sample as the graph takes it."""
    fed = {}
    for described, element, missing in inputs:
        name, kind = described["name"], described["type"]
        column = rows[name].combine_chunks()
        if pyarrow.types.is_dictionary(column.type):
            column = pyarrow.compute.cast(column, column.type.value_type)
        if kind in ("date", "timestamp"):
            null = column.is_null().to_numpy(zero_copy_only=False)
            whole = column.cast(pyarrow.date32()).cast(pyarrow.int32()) if kind == "date" else column.cast(pyarrow.timestamp("us", getattr(column.type, "tz", None)), safe=False)
            fed[name] = whole.cast(pyarrow.int64()).fill_null(0).to_numpy()
            if missing:
                fed[missing] = null
        elif kind == "text":
            null = column.is_null().to_numpy(zero_copy_only=False)
            fed[name] = numpy.array(["" if value is None else value for value in column.to_pylist()], dtype=object)
            if missing:
                fed[missing] = null
        else:
            null = numpy.array([value is None or value != value for value in column.to_pylist()])
            empty = numpy.nan if element == onnx.TensorProto.DOUBLE else 0
            fed[name] = numpy.array([empty if gone else value for value, gone in zip(column.to_pylist(), null)], dtype=onnx.helper.tensor_dtype_to_np_dtype(element))
        if null.any() and element != onnx.TensorProto.DOUBLE and not missing:
            raise InvalidModelError(f"column `{name}` of the sample has nothing in row {int(null.argmax())} (counted from 0); it had a value in every row of the training, so that the input of the "
                                    f"ONNX model ({_TYPES[kind]}) cannot be missing", "leave such rows out of the sample", 2)
    return {name: values.reshape(-1, 1) for name, values in fed.items()}


def _made_up(model, inputs):
    """The raw columns of the parity proof: nulls, levels never seen, zeros, extreme numbers (docs/model-file.md). Where an input cannot be missing, its most frequent value stands."""
    with zipfile.ZipFile(io.BytesIO(model.to_bytes())) as archive:
        proof = pyarrow.ipc.open_stream(archive.read("proof.arrow")).read_all()
    columns = {}
    for described, element, missing in inputs:
        column = proof[f"input.{described['name']}"]
        if element != onnx.TensorProto.DOUBLE and not missing and 0 < column.null_count < len(column):
            (usual, _), = collections.Counter(column.drop_null().to_pylist()).most_common(1)
            column = column.fill_null(usual)
        columns[described["name"]] = column
    return pyarrow.table(columns)


def _prove(model, session, rows, inputs, which):
    """Every score of the rows is what onnxruntime makes of them, and every label; or every distance and every cluster."""
    scored = model.predict(rows, keep=[])
    made = dict(zip([one.name for one in session.get_outputs()], session.run(None, _feed(rows, inputs))))
    several = model.info["task"] == "multiclass"
    names = [f"score_{name}" for name in model.info["classes"]] if several else ["distance" if "distance" in made else "score"]
    expected = numpy.column_stack([scored[name].to_numpy() for name in names])
    found = made["scores" if several else names[0]]
    apart = numpy.abs(found - expected) / numpy.maximum(1.0, numpy.abs(expected))
    wrong = ~(apart <= TOLERANCE)   # and NaN
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        column = int(wrong[row].argmax())
        _disagree(row, which, f"has the {names[column]} {float(found[row, column])!r}", f"{float(expected[row, column])!r}",
                  f", more than {TOLERANCE} apart; {int(wrong.any(axis=1).sum())} of {rows.num_rows} rows differ")
    if "cluster" in made:
        for row, (ours, theirs) in enumerate(zip(scored["cluster"].to_pylist(), made["cluster"][:, 0].tolist())):
            if ours != theirs:
                _disagree(row, which, f"lies in cluster {theirs}", str(ours), f", where it is {float(expected[row, 0])!r} from the centre")
    if "label" in made:
        labels = scored["label"].to_pylist()
        best = numpy.sort(expected, axis=1)
        sure = best[:, -1] - best[:, -2] > TOLERANCE if several else numpy.ones(len(labels), dtype=bool)
        for row, (ours, theirs) in enumerate(zip(labels, made["label"][:, 0])):
            if ours != theirs and sure[row]:
                _disagree(row, which, f"is labelled {theirs!r}", repr(ours), f", where it scores {expected[row].tolist()!r}")


def _disagree(row, which, theirs, ours, more):
    refuse("the model", f"row {row} {which} (counted from 0) {theirs} in onnxruntime {onnxruntime.__version__} and {ours} in Headrace{more}", "report it with the model's transform.json")


def _write(path, content):
    path = os.fspath(path)
    aside = f"{path}.{os.getpid()}.aside"
    try:
        with open(aside, "xb") as file:
            file.write(content)
        os.replace(aside, path)
    except BaseException:
        if os.path.exists(aside):
            os.unlink(aside)
        raise
