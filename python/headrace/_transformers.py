"""scikit-learn's fitted transformers, one function each: slots in, slots out (_trace.py)."""

import math

import numpy

from headrace._trace import Constant, Levels, Number, Raw, is_missing, refuse


def apply(trace, name, transformer, slots):
    """What `transformer`, the step `name`, makes of `slots`."""
    kind = type(transformer).__name__
    step = f"step `{name}` ({kind})"
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return slots
    if isinstance(transformer, str) and transformer == "drop":
        return []
    if not type(transformer).__module__.startswith("sklearn."):
        refuse(step, "it is not scikit-learn's, and what it computes is not known", "do it before the pipeline, or with `derive` in a `train` step")
    if hasattr(transformer, "get_support") and kind != "MissingIndicator":
        return [slot for slot, kept in zip(slots, transformer.get_support()) if kept]
    known = _KNOWN.get(kind)
    if known is None:
        refuse(step, "no step of a model file is known to compute the same", "docs/python.md lists what can be converted")
    return known(trace, step, transformer, slots)


def _floats(values):
    return [float(value) for value in numpy.asarray(values, dtype=numpy.float64).ravel()]


# Composition

def _pipeline(trace, step, pipeline, slots):
    for name, transformer in pipeline.steps:
        slots = apply(trace, name, transformer, slots)
    return slots


def _column_transformer(trace, step, transformer, slots):
    if transformer.n_features_in_ != len(slots):
        refuse(step, f"it was fitted on {transformer.n_features_in_} columns and gets {len(slots)}")
    out = []
    for name, one, columns in transformer.transformers_:
        places = transformer._transformer_to_input_indices[name]
        if len(places) > 0:
            out += apply(trace, name, one, [slots[place] for place in places])
    return out


def _union(trace, step, union, slots):
    if union.transformer_weights:
        refuse(step, "it has transformer_weights")
    out = []
    for name, one in union.transformer_list:
        out += apply(trace, name, one, list(slots))
    return out


# Missing values

def _imputer(trace, step, imputer, slots):
    if not is_missing(imputer.missing_values):
        refuse(step, f"its missing_values is {imputer.missing_values!r}", "make those values null before")
    out, numbers, fills = [], [], []
    for slot, fill in zip(slots, imputer.statistics_):
        dropped = is_missing(fill) and not (imputer.strategy == "constant" or imputer.keep_empty_features)
        if dropped:
            continue
        if isinstance(fill, str):
            if not isinstance(slot, Raw) or trace.types[slot.column] != "text":
                refuse(step, f"it fills with the text {fill!r} what is not text")
            out.append(Raw(slot.column, slot.fill or fill))
        elif isinstance(slot, Raw) and trace.types[slot.column] == "text":
            refuse(step, f"it fills column `{slot.column}`, which is text, with {fill!r}")
        else:
            numbers.append((len(out), slot))
            fills.append(float(fill))
            out.append(None)
    indicated = list(imputer.indicator_.features_) if imputer.add_indicator else []
    indicators = []
    filled = trace.each(step, [slot for _, slot in numbers], "fill", {"value": fills}, None, of_constant=lambda value, place: value)
    for (place, _), slot in zip(numbers, filled):
        out[place] = slot
    for feature in indicated:
        slot = next((made for (_, given), made in zip(numbers, filled) if given is slots[feature]), None)
        block = slot.block if isinstance(slot, Number) else None
        if block is None or not isinstance(slots[feature], Raw) or not block.alone():
            refuse(step, "its add_indicator is for a column that is not a raw number", "impute numbers before all else")
        block.columns[0]["indicator"] = True
        block.stamps.append(object())
        indicators.append(Number(block, len(block.stamps) - 1))
    return out + indicators


# Every number alone

def _scaled(trace, step, slots, center, scale):
    center = _floats(center) if center is not None else [0.0] * len(slots)
    scale = _floats(scale) if scale is not None else [1.0] * len(slots)
    return trace.each(step, slots, "scale", {"center": center, "scale": scale}, {"center": 0.0, "scale": 1.0},
                      of_constant=lambda value, place: (value - center[place]) / scale[place])


def _standard(trace, step, scaler, slots):
    return _scaled(trace, step, slots, scaler.mean_ if scaler.with_mean else None, scaler.scale_ if scaler.with_std else None)


def _robust(trace, step, scaler, slots):
    return _scaled(trace, step, slots, scaler.center_ if scaler.with_centering else None, scaler.scale_ if scaler.with_scaling else None)


def _minmax(trace, step, scaler, slots):
    scale, shift = _floats(scaler.scale_), _floats(scaler.min_)
    slots = trace.each(step, slots, "minmax", {"scale": scale, "shift": shift}, {"scale": 1.0, "shift": 0.0}, of_constant=lambda value, place: value * scale[place] + shift[place])
    if not scaler.clip:
        return slots
    low, high = _floats(scaler.feature_range)
    return trace.each(step, slots, "clip", {"lower": [low] * len(slots), "upper": [high] * len(slots)}, {"lower": None, "upper": None},
                      of_constant=lambda value, place: min(max(value, low), high))


def _maxabs(trace, step, scaler, slots):
    by = _floats(scaler.scale_)
    slots = trace.each(step, slots, "divide", {"by": by}, {"by": 1.0}, of_constant=lambda value, place: value / by[place])
    if not getattr(scaler, "clip", False):
        return slots
    return trace.each(step, slots, "clip", {"lower": [-1.0] * len(slots), "upper": [1.0] * len(slots)}, {"lower": None, "upper": None},
                      of_constant=lambda value, place: min(max(value, -1.0), 1.0))


def _power(trace, step, power, slots):
    lambdas = _floats(power.lambdas_)
    if not all(math.isfinite(value) for value in lambdas):
        refuse(step, "it has no power for a column that held one value only", "leave that column out")
    scaler = power._scaler if power.standardize else None
    lists = {"lambda": lambdas, "center": _floats(scaler.mean_) if scaler else [], "scale": _floats(scaler.scale_) if scaler else []}
    box_cox = power.method == "box-cox"
    if not scaler:
        for one in ("center", "scale"):
            del lists[one]
    neutral = None if box_cox else {"lambda": 1.0, "center": 0.0, "scale": 1.0}
    return trace.each(step, slots, "power", lists, neutral, more={"box_cox": box_cox} | ({} if scaler else {"center": [], "scale": []}))


def _quantile(trace, step, transformer, slots):
    normal = transformer.output_distribution == "normal"
    return trace.each(step, slots, "quantile", {"quantiles": [_floats(transformer.quantiles_[:, k]) for k in range(len(slots))]}, None, more={"normal": normal})


def _binarizer(trace, step, binarizer, slots):
    edge = math.nextafter(float(binarizer.threshold), math.inf)
    return trace.each(step, slots, "bins", {"edges": [[edge]] * len(slots)}, None, more={"onehot": False})


def _function(trace, step, transformer, slots):
    if transformer.func is None:
        return slots
    if transformer.func is numpy.log1p and not transformer.kw_args:
        return trace.each(step, slots, "log1p", {}, None)
    refuse(step, f"its function {getattr(transformer.func, '__name__', transformer.func)!r} is not numpy.log1p", "do it before the pipeline, or with `derive` in a `train` step")


def _bins(trace, step, bins, slots):
    onehot = bins.encode != "ordinal"
    edges = [_floats(edges[1:-1]) for edges in bins.bin_edges_]
    if not onehot:
        return trace.each(step, slots, "bins", {"edges": edges}, None, more={"onehot": False})
    out = []
    for slot, inner in zip(slots, edges):
        slot = trace.number(step, slot)
        if isinstance(slot, Constant) or len(slot.block.stamps) != 1:
            refuse(step, "it gets a column that is a part of others by now", "encode ordinal, or put it before them")
        slot.block.add({"step": "bins", "edges": [inner], "onehot": True})
        slot.block.resize(len(inner) + 1)
        out += [Number(slot.block, at) for at in range(len(inner) + 1)]
    return out


def _spline(trace, step, spline, slots):
    outside = {"constant": "constant", "linear": "linear", "continue": "continue", "periodic": "periodic"}.get(spline.extrapolation)
    if outside is None:
        refuse(step, f"its extrapolation is {spline.extrapolation!r}", "use constant, linear, continue or periodic")
    if getattr(spline, "handle_missing", "error") != "error":
        refuse(step, "it makes zeros of missing values", "impute before")
    out = []
    for slot, basis in zip(slots, spline.bsplines_):
        slot = trace.number(step, slot)
        if isinstance(slot, Constant) or len(slot.block.stamps) != 1:
            refuse(step, "it gets a column that is a part of others by now", "put it before them")
        slot.block.add({"step": "spline", "bias": bool(spline.include_bias), "degree": int(spline.degree), "knots": [_floats(basis.t)], "outside": outside})
        width = len(basis.t) - spline.degree - 1 - (spline.degree if outside == "periodic" else 0) - (0 if spline.include_bias else 1)
        slot.block.resize(width)
        out += [Number(slot.block, at) for at in range(width)]
    return out


# Levels

def _onehot(trace, step, encoder, slots):
    unknown = {"error": "error", "ignore": "ignore", "infrequent_if_exist": "other", "warn": "other"}[encoder.handle_unknown]
    rare_of = getattr(encoder, "_infrequent_indices", None) or [None] * len(slots)
    out = []
    for feature, (slot, categories) in enumerate(zip(slots, encoder.categories_)):
        block = trace.encode(step, slot)
        levels = Levels(step, categories, block)
        rare = set() if rare_of[feature] is None else {int(place) for place in rare_of[feature]}
        block.add({"step": "onehot", "handle_unknown": unknown, "rare": sorted(levels.code_of[place] for place in rare)} | levels.json)
        frequent = [place for place in range(len(categories)) if place not in rare]
        by_code = sorted(frequent, key=lambda place: levels.code_of[place])
        block.resize(len(frequent) + (1 if rare else 0))
        made = [Number(block, by_code.index(place)) for place in frequent] + ([Number(block, len(frequent))] if rare else [])
        dropped = None if encoder.drop_idx_ is None else encoder.drop_idx_[feature]
        if dropped is not None:
            del made[len(frequent) if int(dropped) in rare else frequent.index(int(dropped))]
        out += made
    return out


def _level_values(trace, step, slot, categories, values_of, otherwise, unseen_refused, classes=()):
    """`values_of`: a category's place -> its values, one a class or one."""
    block = trace.encode(step, slot)
    levels = Levels(step, categories, block)
    plain = lambda value: None if math.isnan(value) else float(value)  # noqa: E731: NaN has no JSON
    block.add({"step": "level_values", "classes": list(classes), "otherwise": [plain(value) for value in otherwise], "refuse_unseen": unseen_refused,
               "values": [plain(value) for place in levels.places for value in values_of(place)]} | levels.json)
    block.resize(len(otherwise))
    return [Number(block, at) for at in range(len(otherwise))]


def _ordinal(trace, step, encoder, slots):
    refused = encoder.handle_unknown == "error"
    otherwise = -1.0 if refused else float(encoder.unknown_value)
    mappings = getattr(encoder, "_default_to_infrequent_mappings", None)
    out = []
    for feature, (slot, categories) in enumerate(zip(slots, encoder.categories_)):
        mapping = None if mappings is None else mappings[feature]

        def values_of(place):
            if is_missing(categories[place]):
                return [float(encoder.encoded_missing_value)]
            return [float(place if mapping is None else mapping[place])]
        out += _level_values(trace, step, slot, categories, values_of, [otherwise], refused)
    return out


def _target(trace, step, encoder, slots):
    several = encoder.target_type_ == "multiclass"
    classes = [str(value) for value in encoder.classes_] if several else []
    width = max(1, len(classes))
    out = []
    for feature, (slot, categories) in enumerate(zip(slots, encoder.categories_)):
        tables = encoder.encodings_[feature * width:(feature + 1) * width]
        out += _level_values(trace, step, slot, categories, lambda place: [float(table[place]) for table in tables], _floats(encoder.target_mean_), False, classes)
    return out


# Columns together

def _polynomial(trace, step, polynomial, slots):
    powers = polynomial.powers_
    block, places = trace.group(step, slots)
    inputs, degree = len(block.stamps), int(powers.sum(axis=1).max())
    products = {tuple(product): at for at, product in enumerate(_products(inputs, degree, bool(polynomial.interaction_only)))}
    block.add({"step": "polynomial", "degree": degree, "interactions_only": bool(polynomial.interaction_only)})
    block.resize(len(products))
    out = []
    for row in powers:
        product = tuple(sorted(places[slot] for slot, power in enumerate(row) for _ in range(power)))
        out.append(Number(block, products[product]) if product else Constant(1.0))
    return out


def _products(inputs, degree, interactions_only):
    """In the order of src/headrace/feature/group_steps.cc."""
    out, last = [[at] for at in range(inputs)], [[at] for at in range(inputs)]
    for _ in range(1, degree):
        last = [product + [at] for product in last for at in range(product[-1] + (1 if interactions_only else 0), inputs)]
        out += last
    return out


def _reduced(trace, step, slots, name, center, axes):
    """`axes`: components x slots."""
    block, places = trace.group(step, slots)
    width = len(block.stamps)
    centers = numpy.zeros(width)
    centers[places] = center
    spread = numpy.zeros((len(axes), width))
    spread[:, places] = axes
    block.add({"step": "reduce", "name": name, "center": _floats(centers), "axes": _floats(spread)})
    block.resize(len(axes))
    return [Number(block, at) for at in range(len(axes))]


def _pca(trace, step, pca, slots):
    axes = numpy.asarray(pca.components_, dtype=numpy.float64)
    if pca.whiten:
        axes = axes / numpy.sqrt(pca.explained_variance_)[:, None]
    return _reduced(trace, step, slots, "pca", pca.mean_, axes)


def _svd(trace, step, svd, slots):
    return _reduced(trace, step, slots, "svd", 0.0, numpy.asarray(svd.components_, dtype=numpy.float64))


def _normalizer(trace, step, normalizer, slots):
    block, places = trace.group(step, slots)
    if len(places) < len(block.stamps):
        refuse(step, f"it takes a part of what {trace.describe(block)} was turned into, which a model file cannot say")
    block.add({"step": "normalize", "norm": normalizer.norm})
    block.resize(len(places))
    return [Number(block, place) for place in places]


_KNOWN = {
    "Pipeline": _pipeline, "ColumnTransformer": _column_transformer, "FeatureUnion": _union, "SimpleImputer": _imputer, "StandardScaler": _standard, "RobustScaler": _robust,
    "MinMaxScaler": _minmax, "MaxAbsScaler": _maxabs, "PowerTransformer": _power, "QuantileTransformer": _quantile, "Binarizer": _binarizer, "FunctionTransformer": _function,
    "KBinsDiscretizer": _bins, "SplineTransformer": _spline, "OneHotEncoder": _onehot, "OrdinalEncoder": _ordinal, "TargetEncoder": _target, "PolynomialFeatures": _polynomial,
    "PCA": _pca, "TruncatedSVD": _svd, "Normalizer": _normalizer,
}
