"""An ONNX graph while it is made: nodes, constants, and the few things that every part of a model needs of it. Values are [N, width] tensors, known by their names."""

import numpy
import onnx

ML = "ai.onnx.ml"
LEQ, LT = 0, 1   # TreeEnsemble's codes of a node's comparison


class Graph:
    """Numbers are doubles throughout; NaN is missing."""

    def __init__(self):
        self.nodes, self.inputs, self.constants, self._shared = [], [], [], {}
        self.refused = []   # [N, 1] each: 0, and NaN in rows that Headrace refuses

    def op(self, kind, *inputs, domain="", out=None, **attributes):
        """The name of the node's one output."""
        out = out or f"#{len(self.nodes)} {kind}"   # what no column is called
        self.nodes.append(onnx.helper.make_node(kind, inputs, [out], name=out, domain=domain, **attributes))
        return out

    def constant(self, values, dtype=numpy.float64):
        values = numpy.asarray(values, dtype=dtype)
        key = (str(values.dtype), values.shape, repr(values.tolist()) if values.dtype == object else values.tobytes())
        if key not in self._shared:
            self._shared[key] = f"#constant {len(self.constants)}"
            self.constants.append(onnx.numpy_helper.from_array(values, self._shared[key]))
        return self._shared[key]

    def row(self, values):
        """[1, width]: a number for each column."""
        return self.constant(numpy.asarray(values, dtype=numpy.float64).reshape(1, -1))

    def whole(self, *values):
        return self.constant(values, numpy.int64)

    # Arithmetic on every number

    def add(self, a, b):
        return self.op("Add", a, b)

    def sub(self, a, b):
        return self.op("Sub", a, b)

    def mul(self, a, b):
        return self.op("Mul", a, b)

    def div(self, a, b):
        return self.op("Div", a, b)

    def where(self, condition, then, otherwise):
        return self.op("Where", condition, then, otherwise)

    def double(self, x):
        return self.op("Cast", x, to=onnx.TensorProto.DOUBLE)

    def sum(self, x):
        """Over the columns of each row: [N, 1]."""
        return self.op("ReduceSum", x, self.whole(1), keepdims=1)

    def zeros(self, x):
        """[N, 1]: 0 in every row."""
        return self.double(self.op("Less", self.sum(x), self.row([-numpy.inf])))

    def sigmoid(self, x):
        one = self.row([1.0])
        return self.div(one, self.add(one, self.op("Exp", self.op("Neg", x))))

    def log1p(self, x):
        """log(1 + x), right to the last places near 0 too (Kahan; Higham, Accuracy and Stability of Numerical Algorithms, 1.14)."""
        one = self.row([1.0])
        u = self.add(one, x)
        same = self.op("Equal", u, one)
        return self.where(same, x, self.div(self.mul(x, self.op("Log", u)), self.where(same, one, self.sub(u, one))))

    def expm1(self, x):
        """e^x - 1, the same way."""
        one = self.row([1.0])
        u = self.op("Exp", x)
        less = self.sub(u, one)
        log = self.op("Log", u)
        plain = self.op("Or", self.op("Greater", x, self.row([40.0])), self.op("Less", x, self.row([-40.0])))   # 1 is nothing beside the one or e^x beside 1
        zero = self.op("Equal", log, self.row([0.0]))
        near = self.where(zero, x, self.mul(less, self.div(x, self.where(self.op("Or", zero, plain), one, log))))
        return self.where(plain, less, near)

    # Columns

    def columns(self, x, places):
        return self.op("Gather", x, self.constant(places, numpy.int64), axis=1)

    def beside(self, parts):
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=1)

    def entries(self, table, places, dtype=numpy.float64):
        """[N, m]: of a table of m columns the line that `places` ([N, 1], int64) names for each row."""
        return self.op("Gather", self.constant(table, dtype), self.op("Reshape", places, self.whole(-1)), axis=0)

    def place(self, x, cuts):
        """[N, 1], int64: how many of the sorted `cuts` are not above x. NaN is above all."""
        trees = Trees()

        def grow(low, high):
            if low == high:
                return trees.leaf(0, low)
            middle = (low + high) // 2
            node = trees.node(0, cuts[middle], LT)
            trees.link(node, grow(low, middle), grow(middle + 1, high))
            return node
        trees.root(grow(0, len(cuts)))
        return self.op("Cast", trees.write(self, x, 1), to=onnx.TensorProto.INT64)

    # Rows that Headrace refuses

    def refuse_where(self, condition):
        """`condition`: [N, any], bool."""
        self.refused.append(self.sum(self.where(condition, self.row([numpy.nan]), self.row([0.0]))))

    def refuse_infinite(self, x, missing=False):
        """Infinities, and with `missing` NaN too: x - x is 0 for a number and NaN for what is none."""
        apart = self.sub(x, x)
        self.refused.append(self.sum(apart if missing else self.where(self.op("IsNaN", x), self.row([0.0]), apart)))


class Trees:
    """Trees, their splits and leaves in double precision. Leaves and nodes are told apart by the sign: ~leaf, node."""

    def __init__(self):
        self._feature, self._split, self._mode, self._missing, self._true, self._false = [], [], [], [], [], []
        self._target, self._weight, self._roots = [], [], []

    def node(self, feature, split, mode, missing_true=False):
        for values, value in ((self._feature, feature), (self._split, split), (self._mode, mode), (self._missing, int(missing_true)), (self._true, None), (self._false, None)):
            values.append(value)
        return len(self._feature) - 1

    def leaf(self, target, weight):
        self._target.append(target)
        self._weight.append(weight)
        return ~(len(self._target) - 1)

    def link(self, node, true, false):
        self._true[node], self._false[node] = true, false

    def root(self, at):
        if at < 0:   # a tree of one leaf; both ways lead to it
            node = self.node(0, 0.0, LEQ)
            self.link(node, at, self.leaf(self._target[~at], self._weight[~at]))
            at = node
        self._roots.append(at)

    def _part(self, root):
        """Give another leaf of the tree the number of the root's: onnxruntime (1.23 at least) takes a root for a leaf whose children, a node and a leaf, have the same one."""
        leaf, at = sorted((self._true[root], self._false[root]))
        if at != ~leaf:
            return
        while self._true[at] >= 0:
            at = self._true[at]
        other = self._true[at]
        for values in (self._target, self._weight):
            values[~leaf], values[~other] = values[~other], values[~leaf]
        self._true[at] = leaf
        children = self._true if self._true[root] == leaf else self._false
        children[root] = other

    def write(self, graph, x, targets):
        """[N, targets]: the sums of the leaves."""
        helper, tensor = onnx.helper, onnx.numpy_helper.from_array
        for root in self._roots:
            self._part(root)

        def ids(children):
            return [~child if child < 0 else child for child in children], [int(child < 0) for child in children]
        true, true_leaf = ids(self._true)
        false, false_leaf = ids(self._false)
        out = f"#{len(graph.nodes)} TreeEnsemble"
        node = helper.make_node(
            "TreeEnsemble", [x], [out], name=out, domain=ML, aggregate_function=1, post_transform=0, n_targets=targets, tree_roots=self._roots, nodes_featureids=self._feature,
            nodes_modes=tensor(numpy.array(self._mode, dtype=numpy.uint8)), nodes_splits=tensor(numpy.array(self._split, dtype=numpy.float64)),
            nodes_missing_value_tracks_true=self._missing, nodes_truenodeids=true, nodes_trueleafs=true_leaf, nodes_falsenodeids=false, nodes_falseleafs=false_leaf,
            leaf_targetids=self._target, leaf_weights=tensor(numpy.array(self._weight, dtype=numpy.float64)))
        graph.nodes.append(node)
        return out
