"""Forests of scikit-learn as LightGBM's text, which is what a model file holds; and LightGBM's own text over other features."""

import math
import re

import numpy

from headrace._trace import refuse

_MISSING_NAN, _DEFAULT_LEFT = 8, 2


class Tree:
    """Arrays as scikit-learn has them: a node with `left` below 0 is a leaf. `threshold`: x goes left up to it."""

    def __init__(self, feature, threshold, left, right, missing_left, value, count):
        self.feature, self.threshold, self.left, self.right, self.missing_left, self.value, self.count = feature, threshold, left, right, missing_left, value, count


def _count(rows):
    return int(rows) if rows == int(rows) else float(rows)


def leaf(value):
    return Tree([-1], [0.0], [-1], [-1], [False], [value], [0])


def as_doubles(threshold):
    """The largest double that goes left where scikit-learn compares x, rounded to a float of 32 bits, with `threshold`."""
    low = numpy.float32(threshold)
    if float(low) > threshold:
        low = numpy.nextafter(low, numpy.float32(-numpy.inf))
    high = numpy.nextafter(low, numpy.float32(numpy.inf))
    if not numpy.isfinite(high):
        return float(threshold)
    middle = (float(low) + float(high)) / 2    # exact; rounds to whichever of the two is even
    return middle if int(low.view(numpy.uint32)) % 2 == 0 else math.nextafter(middle, -math.inf)


def of_sklearn(tree, values):
    """A `sklearn.tree._tree.Tree` with `values`, one a node. Rows count as often as they were drawn, and by their weights: a node's value is their mean."""
    nodes = tree.__getstate__()["nodes"]
    missing_left = nodes["missing_go_to_left"] != 0 if "missing_go_to_left" in nodes.dtype.names else [False] * len(nodes)
    left = tree.children_left
    thresholds = [as_doubles(float(threshold)) if child >= 0 else 0.0 for threshold, child in zip(tree.threshold, left)]
    return Tree(tree.feature, thresholds, left, tree.children_right, missing_left, values, tree.weighted_n_node_samples)


def of_histogram(step, nodes):
    """The nodes of a TreePredictor of HistGradientBoosting."""
    if nodes["is_categorical"].any():
        refuse(step, "it splits on sets of categories", "encode them before, and say categorical_features=None")
    left = numpy.where(nodes["is_leaf"] != 0, -1, nodes["left"].astype(numpy.int64))
    return Tree(nodes["feature_idx"], nodes["num_threshold"], left, nodes["right"], nodes["missing_go_to_left"] != 0, nodes["value"], nodes["count"])



def _write_tree(number, tree, places, step):
    feature, threshold, decision, left, right, leaves, leaf_counts, counts = [], [], [], [], [], [], [], []
    waiting = [(0, None, None)]
    while waiting:
        node, parent, side = waiting.pop()
        if tree.left[node] < 0:
            place = ~len(leaves)
            leaves.append(float(tree.value[node]))
            leaf_counts.append(_count(tree.count[node]))
        else:
            place = len(feature)
            at = places[int(tree.feature[node])]
            if at is None:
                refuse(step, "it splits on a constant column", "leave that column out")
            feature.append(at)
            threshold.append(float(tree.threshold[node]))
            decision.append(_MISSING_NAN | (_DEFAULT_LEFT if tree.missing_left[node] else 0))
            counts.append(_count(tree.count[node]))
            left.append(0)
            right.append(0)
            waiting += [(int(tree.right[node]), place, right), (int(tree.left[node]), place, left)]
        if parent is not None:
            side[parent] = place
    texts = [" ".join(repr(value) for value in values) for values in (threshold, leaves)]
    whole = [" ".join(str(value) for value in values) for values in (feature, decision, left, right, leaf_counts, counts)]
    zeros = " ".join(["0"] * len(feature))
    lines = [f"Tree={number}", f"num_leaves={len(leaves)}", "num_cat=0", f"split_feature={whole[0]}", f"split_gain={zeros}", f"threshold={texts[0]}", f"decision_type={whole[1]}",
             f"left_child={whole[2]}", f"right_child={whole[3]}", f"leaf_value={texts[1]}", "leaf_weight=" + ("0" if not feature else " ".join(["0"] * len(leaves))),
             f"leaf_count={whole[4]}", f"internal_value={zeros}", f"internal_weight={zeros}", f"internal_count={whole[5]}", "is_linear=0", "shrinkage=1"]
    return "\n".join(lines) + "\n\n\n"


def _assemble(objective, classes, average, width, trees):
    head = ["tree", "version=v4", f"num_class={classes}", f"num_tree_per_iteration={classes}", "label_index=0", f"max_feature_idx={width - 1}", f"objective={objective}"]
    head += ["average_output"] if average else []
    head += ["feature_names=" + " ".join(f"Column_{at}" for at in range(width)), "feature_infos=" + " ".join(["none"] * width),
             "tree_sizes=" + " ".join(str(len(tree.encode())) for tree in trees), "", ""]
    return "\n".join(head) + "".join(trees) + "end of trees\n\nfeature_importances:\n"


def text_of(step, trees, places, width, objective, classes=1, average=False):
    """`trees` in order, `classes` of them an iteration; `places`: feature -> place in the vector of `width` numbers."""
    return _assemble(objective, classes, average, width, [_write_tree(number, tree, places, step) for number, tree in enumerate(trees)])


def relabel(step, text, places, width, objective=None):
    """LightGBM's own text, each feature at its place in the vector; `objective`: another one."""
    head, body = text[:text.index("\nTree=")], text[text.index("\nTree=") + 1:text.index("end of trees")]
    said = dict(line.partition("=")[::2] for line in head.split("\n"))
    place = {str(feature): at for feature, at in enumerate(places)}

    def moved(match):
        features = match.group(1).split()
        if any(place[feature] is None for feature in features):
            refuse(step, "it splits on a constant column", "leave that column out")
        return "split_feature=" + " ".join(str(place[feature]) for feature in features)
    trees = [re.sub(r"^split_feature=(.*)$", moved, tree, flags=re.MULTILINE) for tree in re.split(r"(?m)^(?=Tree=\d+$)", body) if tree]
    return _assemble(objective or said["objective"], int(said["num_class"]), "average_output" in said, width, trees)
