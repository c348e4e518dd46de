"""The learner of a model file, its link and its calibration as nodes of an ONNX graph."""

import json
import math

import numpy
import onnx

from headrace._onnx_graph import LEQ, Trees
from headrace._onnx_transforms import codes, within
from headrace._trace import refuse

_EPSILON = numpy.finfo(float).eps
_ZERO = float(numpy.float32(1e-35))   # numbers up to this are 0 to LightGBM
_CATEGORICAL, _DEFAULT_LEFT, _MISSING, _MISSING_ZERO, _MISSING_NAN = 1, 2, 12, 4, 8   # the bits of LightGBM's decision_type
_EXP = {"poisson", "gamma", "tweedie", "count:poisson", "reg:gamma", "reg:tweedie"}


def scores(graph, members, task, classes, x, width, columns):
    """[N, 1], or [N, classes] for several: what the model predicts. `x`: the vector, [N, width]; `columns`: name -> raw Column."""
    margins, link = _margins(graph, members, task, x, width)
    graph.refuse_infinite(margins, missing=True)
    calibration = json.loads(members["calibration.json"])
    if calibration["kind"] != "sigmoid":
        margins = link(margins)
    return _calibrated(graph, calibration, margins, len(classes) if task == "multiclass" else 1, columns)


def _margins(graph, members, task, x, width):
    """What the learner gives of a vector, and the function that makes predictions of it."""
    of_task = {"binary": graph.sigmoid, "multiclass": lambda m: _softmax(graph, m), "regression": lambda m: m}[task]
    if "model.txt" in members:
        return _lightgbm(graph, members["model.txt"], x)
    if "model.json" in members:
        return _xgboost(graph, json.loads(members["model.json"]), x)
    if "coefficients.json" in members:
        learnt = json.loads(members["coefficients.json"])
        product = graph.op("MatMul", x, graph.constant(numpy.array(learnt["coefficients"], dtype=numpy.float64).reshape(-1, width).T))
        return graph.add(product, graph.row(learnt["intercepts"])), of_task if learnt["learner"] == "logistic" else lambda m: m
    if "naive_bayes.json" in members:
        joint = [_normal(graph, one, x) for one in json.loads(members["naive_bayes.json"])["classes"]]
        return graph.sub(joint[1], joint[0]) if task == "binary" else graph.beside(joint), of_task
    if "constant.json" in members:
        return graph.add(graph.zeros(x), graph.row(json.loads(members["constant.json"])["margins"])), of_task
    refuse("the learner", "an uplift model is two learners", "write each of them: train them alone")


def clusters(graph, members, x, width):
    """The nearest centre ([N, 1], int64; the first of equally near ones) and the distance to it. Squares are added up feature by feature, as src/headrace/model/kmeans.cc does: to the same bits."""
    centers = numpy.array(json.loads(members["kmeans.json"])["centers"], dtype=numpy.float64)
    squares = None
    for feature in range(width):
        apart = graph.sub(graph.columns(x, [feature]), graph.row(centers[:, feature]))
        square = graph.mul(apart, apart)
        squares = square if squares is None else graph.add(squares, square)
    distance = graph.op("Sqrt", graph.op("ReduceMin", squares, graph.whole(1), keepdims=1))
    graph.refuse_infinite(distance, missing=True)
    return graph.op("ArgMin", squares, axis=1, keepdims=1), distance


# Learners

def _normal(graph, one, x):
    """The logarithm of a class's share times the density of its normal distributions."""
    away = graph.sub(x, graph.row(one["mean"]))
    constant = one["log_prior"]
    for variance in one["variance"]:
        constant -= 0.5 * math.log(2 * math.pi * variance)
    return graph.sub(graph.row([constant]), graph.mul(graph.row([0.5]), graph.sum(graph.div(graph.mul(away, away), graph.row(one["variance"])))))


class _Inputs:
    """The numbers that trees compare: those of the vector, and what some splits read in their place."""

    def __init__(self, graph, x, width):
        self.graph, self.x, self.parts, self.width, self.places = graph, x, [x], width, {}

    def _add(self, key, make):
        if key not in self.places:
            self.places[key] = self.width
            self.parts.append(make())
            self.width += 1
        return self.places[key]

    def zero_is_missing(self, feature):
        """A feature whose zeros are NaN."""
        def make():
            x = self.graph.columns(self.x, [feature])
            return self.graph.where(self.graph.op("LessOrEqual", self.graph.op("Abs", x), self.graph.row([_ZERO])), self.graph.row([numpy.nan]), x)
        return self._add((feature, None), make)

    def in_set(self, feature, members):
        """0 where the category of a feature is one of `members`, else 1. What is no category is in no set."""
        def make():
            x, graph = self.graph.columns(self.x, [feature]), self.graph
            size = max(members, default=0) + 1
            known = graph.op("And", graph.op("Greater", x, graph.row([-1.0])), graph.op("Less", x, graph.row([float(size)])))
            code = graph.op("Cast", graph.where(known, x, graph.row([float(size)])), to=onnx.TensorProto.INT64)
            return graph.entries([[0.0 if category in members else 1.0] for category in range(size + 1)], code)
        return self._add((feature, members), make)

    def all(self):
        return self.graph.beside(self.parts)


def _lightgbm(graph, text, x):
    head, *trees = text[:text.index("end of trees")].split("\nTree=")
    said = _lines(head)
    outputs, count = int(said["num_class"]), len(trees)
    inputs, forest = _Inputs(graph, x, int(said["max_feature_idx"]) + 1), Trees()
    for number, tree in enumerate(trees):
        forest.root(_lightgbm_tree(_lines(tree), forest, inputs, number % outputs))
    margins = forest.write(graph, inputs.all(), outputs) if count else graph.beside([graph.zeros(x)] * outputs)
    if "average_output" in said and count:
        margins = graph.div(margins, graph.row([count / outputs]))
    objective, _, rest = said["objective"].partition(" ")
    if objective == "binary":
        scale = float(rest.partition(":")[2])
        return margins, lambda m: graph.sigmoid(graph.mul(m, graph.row([scale])))
    return margins, _link(graph, objective)


def _lines(text):
    return dict(line.partition("=")[::2] for line in text.split("\n"))


def _lightgbm_tree(said, forest, inputs, output):
    def numbers(key, kind=int):
        return [kind(word) for word in said.get(key, "").split()]
    leaves = [forest.leaf(output, value) for value in numbers("leaf_value", float)]
    boundaries, words = numbers("cat_boundaries"), numbers("cat_threshold")
    nodes = []
    for feature, split, decision in zip(numbers("split_feature"), numbers("threshold", float), numbers("decision_type")):
        missing, default_left = decision & _MISSING, bool(decision & _DEFAULT_LEFT)
        if decision & _CATEGORICAL:
            bits = words[boundaries[int(split)]:boundaries[int(split) + 1]]
            members = frozenset(32 * word + bit for word, value in enumerate(bits) for bit in range(32) if value >> bit & 1)
            nodes.append(forest.node(inputs.in_set(feature, members), 0.5, LEQ))
        elif missing == _MISSING_ZERO:
            nodes.append(forest.node(inputs.zero_is_missing(feature), split, LEQ, default_left))
        else:
            nodes.append(forest.node(feature, _around_zero(split), LEQ, default_left if missing == _MISSING_NAN else split >= 0))
    for node, left, right in zip(nodes, numbers("left_child"), numbers("right_child")):
        forest.link(node, *(leaves[~child] if child < 0 else nodes[child] for child in (left, right)))
    return nodes[0] if nodes else leaves[0]


def _around_zero(split):
    """The split that parts numbers as `split` parts them once those of at most 1e-35 have become 0."""
    if 0 <= split < _ZERO:
        return _ZERO
    return math.nextafter(-_ZERO, -math.inf) if -_ZERO <= split < 0 else split


def _xgboost(graph, document, x):
    """XGBoost adds leaves as floats, in the order of the trees: so every tree is a target of its own, and what it gives is added up one after another."""
    learner = document["learner"]
    model, base = learner["gradient_booster"]["model"], [float(word) for word in learner["attributes"]["base_margin"].split(",")]
    of_output = [[tree for tree, output in zip(model["trees"], model["tree_info"]) if output == k] for k in range(len(base))]
    forest, target = Trees(), 0
    for trees in of_output:
        for tree in trees:
            forest.root(_xgboost_tree(tree, forest, target))
            target += 1
    leaves, begin, margins = forest.write(graph, x, target) if target else None, 0, []
    for start, trees in zip(base, of_output):
        parts = [graph.add(graph.zeros(x), graph.row([start]))]
        if trees:
            parts.append(graph.columns(leaves, list(range(begin, begin + len(trees)))))
        begin += len(trees)
        summed = graph.op("CumSum", graph.op("Cast", graph.beside(parts), to=onnx.TensorProto.FLOAT), graph.constant(1, numpy.int64))
        margins.append(graph.double(graph.columns(summed, [len(trees)])))
    return graph.beside(margins), _link(graph, learner["objective"]["name"])


def _xgboost_tree(tree, forest, target):
    def grow(at):
        if tree["left_children"][at] < 0:
            return forest.leaf(target, float(numpy.float32(tree["split_conditions"][at])))
        node = forest.node(tree["split_indices"][at], _largest_below(numpy.float32(tree["split_conditions"][at])), LEQ, bool(tree["default_left"][at]))
        waiting.append((node, at))
        return node
    waiting = []
    root = grow(0)
    while waiting:
        node, at = waiting.pop()
        forest.link(node, grow(tree["left_children"][at]), grow(tree["right_children"][at]))
    return root


def _largest_below(condition):
    """The largest double that is below `condition` once it is rounded to a float, as XGBoost compares."""
    if condition == -numpy.inf:
        return -math.inf
    before = numpy.nextafter(condition, numpy.float32(-numpy.inf))
    low, high = -2.0 ** 128 if numpy.isinf(before) else float(before), 2.0 ** 128 if numpy.isinf(condition) else float(condition)
    middle = (low + high) / 2   # exact, and rounded to the one of the two whose last bit is 0
    return middle if int(before.view(numpy.uint32)) % 2 == 0 else math.nextafter(middle, -math.inf)


# From margins to scores

def _softmax(graph, margins):
    grown = graph.op("Exp", graph.sub(margins, graph.op("ReduceMax", margins, graph.whole(1), keepdims=1)))
    return graph.div(grown, graph.sum(grown))


def _link(graph, objective):
    if objective == "binary:logistic":
        return graph.sigmoid
    if objective in ("multiclass", "multi:softprob"):
        return lambda m: _softmax(graph, m)
    if objective in _EXP:
        most = graph.row([709.0])
        return lambda m: graph.op("Exp", graph.where(graph.op("Greater", m, most), most, m))
    return lambda m: m


def _calibrated(graph, calibration, x, outputs, columns):
    if calibration["kind"] == "none":
        return x
    y = _curves(graph, calibration["kind"], calibration["curves"], x, outputs)
    if "by" in calibration:
        column = columns[calibration["by"]]
        segments = {segment["value"]: segment["curves"] for segment in calibration["segments"]}
        if column.kind != "text":
            segments = {{"false": 0.0, "true": 1.0}.get(value) if column.kind == "bool" else float(value): curves for value, curves in segments.items()}
        levels = sorted(segments)
        code = codes(graph, {"levels": levels, "missing": False, "null": None}, column if column.kind == "text" else column.value)
        for place, level in enumerate(levels):
            y = graph.where(graph.op("Equal", code, graph.whole(place)), _curves(graph, calibration["kind"], segments[level], x, outputs), y)
    return y


def _curves(graph, kind, curves, x, outputs):
    if outputs == 1:
        return _curve(graph, kind, curves[0], x)
    y = graph.beside([_curve(graph, kind, curve, graph.columns(x, [k])) for k, curve in enumerate(curves)])
    total = graph.sum(y)
    some = graph.op("Greater", total, graph.row([0.0]))
    return graph.where(some, graph.div(y, graph.where(some, total, graph.row([1.0]))), graph.row([1.0 / outputs]))


def _curve(graph, kind, curve, x):
    """[N, 1]: probabilities of scores (sigmoid: of margins)."""
    if kind == "sigmoid":
        raw = graph.op("Neg", graph.add(graph.mul(x, graph.row([curve["a"]])), graph.row([curve["b"]])))
        return within(graph, graph.sigmoid(raw), _EPSILON, 1 - _EPSILON)
    if kind == "beta":
        x = within(graph, x, _EPSILON, 1 - _EPSILON)
        of_one, of_zero = graph.op("Log", x), graph.op("Neg", graph.log1p(graph.op("Neg", x)))
        raw = graph.add(graph.add(graph.mul(of_one, graph.row([curve["a"]])), graph.mul(of_zero, graph.row([curve["b"]]))), graph.row([curve["c"]]))
        return within(graph, graph.sigmoid(raw), _EPSILON, 1 - _EPSILON)
    points, values = numpy.array(curve["x"]), numpy.array(curve["y"])
    table = numpy.zeros((len(points) + 1, 4))   # by the number of points that are not above x: the point, its value, the slope from there, the value it ends at
    table[0, 1] = table[0, 3] = values[0]
    table[1:, 0], table[1:, 1], table[-1, 3] = points, values, values[-1]
    table[1:-1, 2], table[1:-1, 3] = numpy.diff(values) / numpy.diff(points), values[1:]
    found = graph.entries(table, graph.place(x, curve["x"]))
    point, value, slope, end = (graph.columns(found, [i]) for i in range(4))
    y = graph.add(value, graph.mul(slope, graph.sub(x, point)))
    y = graph.where(graph.op("Less", y, value), value, y)
    return graph.where(graph.op("Greater", y, end), end, y)
