"""k-means and its metrics against scikit-learn: from the same centres the same iterations (1e-9), never a worse inertia after as many beginnings, labels by the nearest
centre, and silhouette, Davies-Bouldin and Calinski-Harabasz within 1e-9."""

import json

import numpy as np
import oracle
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans
from test_learners import ask, request

NONE = np.empty(0)


def blobs(seed, n=400, p=4, k=5, spread=1.0):
    """Groups of unequal size about random middles."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(scale=4, size=(k, p))
    group = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    return middles[group] + rng.normal(scale=spread, size=(n, p))


def kmeans(x, weights=None, **parameters):
    return request("kmeans", "clustering", x, NONE, x, parameters={name: str(value) for name, value in parameters.items()}, weights=[] if weights is None else weights.tolist())


def read(answer):
    """Centres, cluster and distance of each row."""
    numbers = np.reshape(answer["margins"], (-1, 2))
    return np.array(json.loads(answer["text"])["centers"]), numbers[:, 0].astype(int), numbers[:, 1]


def in_order(centers):
    return centers[np.lexsort(centers.T[::-1])]


def weights_of(seed, n):
    return np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 4.0], n) if seed % 2 else None


@pytest.mark.parametrize("steps", [1, 5])
def test_iterations_are_lloyds(steps):
    worlds = [(blobs(seed, spread=3.0), weights_of(seed, 400)) for seed in range(8)]
    begun = ask([kmeans(x, w, n_clusters=6, n_init=1, max_iter=1, tol=0, seed=3) for x, w in worlds])
    gone_on = ask([kmeans(x, w, n_clusters=6, n_init=1, max_iter=1 + steps, tol=0, seed=3) for x, w in worlds])
    for (x, w), first, later in zip(worlds, begun, gone_on, strict=True):
        theirs = KMeans(6, init=read(first)[0], n_init=1, max_iter=steps, tol=0, algorithm="lloyd").fit(x, sample_weight=w)
        np.testing.assert_allclose(in_order(read(later)[0]), in_order(theirs.cluster_centers_), rtol=1e-9, atol=1e-9)


def test_what_has_settled_stays_settled():
    worlds = [(blobs(seed, spread=2.0), weights_of(seed, 400)) for seed in range(10)]
    for (x, w), answer in zip(worlds, ask([kmeans(x, w, n_clusters=5, tol=0) for x, w in worlds]), strict=True):
        centers, cluster, distance = read(answer)
        theirs = KMeans(5, init=centers, n_init=1, tol=0).fit(x, sample_weight=w)
        ours = np.sum((np.ones(len(x)) if w is None else w) * distance**2)
        np.testing.assert_allclose(centers, theirs.cluster_centers_, rtol=1e-9, atol=1e-9)
        assert theirs.inertia_ == pytest.approx(ours, rel=1e-9)
        np.testing.assert_array_equal(cluster, theirs.predict(x))
        np.testing.assert_allclose(distance, theirs.transform(x).min(axis=1), rtol=1e-9)


def test_no_worse_than_scikit_learn_from_as_many_beginnings():
    """Groups that lie apart have one best answer, and both find it."""
    worlds = [blobs(seed, n=600, p=3, k=6, spread=0.3) for seed in range(10)]
    for x, answer in zip(worlds, ask([kmeans(x, n_clusters=6) for x in worlds]), strict=True):
        theirs = KMeans(6, n_init=10, tol=1e-4, random_state=0).fit(x)
        assert np.sum(read(answer)[2] ** 2) <= theirs.inertia_ * (1 + 1e-9)


def test_clusters_are_numbered_by_size():
    for seed in range(6):
        x, w = blobs(seed), weights_of(seed, 400)
        [answer] = ask([kmeans(x, w, n_clusters=5)])
        sizes = np.bincount(read(answer)[1], weights=w, minlength=5)
        assert list(sizes) == sorted(sizes, reverse=True)


def test_a_distance_is_to_the_nearest_of_many_centres():
    x = blobs(1, n=900, p=7, k=9, spread=4.0)
    [answer] = ask([kmeans(x, n_clusters=29, n_init=2)])
    centers, cluster, distance = read(answer)
    apart = metrics.pairwise_distances(x, centers)
    np.testing.assert_array_equal(cluster, apart.argmin(axis=1))
    np.testing.assert_allclose(distance, apart.min(axis=1), rtol=1e-9)


def judged(x, labels, distance, **more):
    return {"ask": "clusters", "vectors": x.ravel().tolist(), "features": x.shape[1], "predictions": np.column_stack([labels, distance]).ravel().tolist(), **more}


def test_metrics_are_scikit_learns():
    """Labels that need not be those of the nearest centre, some of them of no row, and a cluster of a single row."""
    requests, expected = [], []
    for seed in range(12):
        x = blobs(seed, n=300, p=1 + seed % 5, spread=2.0)
        rng = np.random.default_rng(seed)
        labels = KMeans(4, n_init=1, random_state=seed).fit(x).labels_ if seed % 2 else rng.integers(0, 4, len(x))
        labels = np.where(labels == 2, 6, labels)
        labels[0] = 9 if seed % 3 == 0 else labels[0]
        distance = rng.uniform(0, 3, len(x))
        requests.append(judged(x, labels, distance))
        expected.append({"inertia": np.mean(distance**2), "silhouette": metrics.silhouette_score(x, labels), "davies_bouldin": metrics.davies_bouldin_score(x, labels),
                         "calinski_harabasz": metrics.calinski_harabasz_score(x, labels)})
    for answer, reference in zip(oracle.ask(requests), expected, strict=True):
        assert answer.keys() == reference.keys()
        for name, value in reference.items():
            assert answer[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_rows_of_whole_weights_are_so_many_rows_where_no_row_is_left_out():
    x = blobs(3, n=200, spread=2.0)
    labels, distance = KMeans(3, n_init=1, random_state=0).fit(x).labels_, np.random.default_rng(1).uniform(0, 2, 200)
    w = np.random.default_rng(2).integers(0, 4, 200)
    [answer] = oracle.ask([judged(x, labels, distance, weights=w.astype(float).tolist())])
    many = np.repeat(np.arange(200), w)
    assert answer["inertia"] == pytest.approx(np.mean(distance[many] ** 2), rel=1e-12)
    assert answer["davies_bouldin"] == pytest.approx(metrics.davies_bouldin_score(x[many], labels[many]), rel=1e-9)
    # Of weights only their ratios count: n is the number of rows that count.
    n, k = np.sum(w > 0), 3
    assert answer["calinski_harabasz"] == pytest.approx(metrics.calinski_harabasz_score(x[many], labels[many]) / (len(many) - k) * (n - k), rel=1e-9)


def test_a_silhouette_of_many_rows_is_of_a_sample():
    x = blobs(5, n=12000, p=3, spread=1.5)
    labels = KMeans(5, n_init=1, random_state=0).fit(x).labels_
    [answer] = oracle.ask([judged(x, labels, np.zeros(len(x)))])
    assert answer["silhouette"] == pytest.approx(metrics.silhouette_score(x, labels), abs=0.01)
