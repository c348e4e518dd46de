"""One learner on tf-idf columns by scikit-learn. usage: wide_sklearn.py TEXTS.parquet LEARNER COLUMNS"""
import sys

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, root_mean_squared_error

path, learner, columns = sys.argv[1], sys.argv[2], int(sys.argv[3])
rows = pd.read_parquet(path)
test = rows.id % 10 == 0
vectorizer = TfidfVectorizer(max_features=columns)
train, held = vectorizer.fit_transform(rows.text[~test]), vectorizer.transform(rows.text[test])
if learner == "logistic":
    model = LogisticRegression(C=1, max_iter=5000, tol=1e-8).fit(train, rows.good[~test])
elif learner == "linear":
    model = Ridge(alpha=1, solver="sparse_cg", tol=1e-12).fit(train, rows.stars[~test])
else:
    import lightgbm
    model = lightgbm.LGBMClassifier(n_estimators=50, num_leaves=31, n_jobs=2, verbose=-1).fit(train, rows.good[~test])
print(root_mean_squared_error(rows.stars[test], model.predict(held)) if learner == "linear" else log_loss(rows.good[test], model.predict_proba(held)))
