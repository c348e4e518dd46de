"""The peers' side of `quality`: scikit-learn and LightGBM on the same rows, split and settings.

logit, ridge   numbers: median imputation, standardised; text: most frequent level, one-hot; C = 1, alpha = 1
lgbm           LightGBM, 300 rounds of 0.05 with 31 leaves, text as its native categories; one thread, fixed seed
"""
import warnings

import lightgbm
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

LIGHTGBM = dict(n_estimators=300, learning_rate=0.05, num_leaves=31, n_jobs=1, random_state=0, deterministic=True,
                force_row_wise=True, verbose=-1)


def predict(learner, train, target, test, regression):
    """Predictions for the rows of `test`: numbers, or probabilities with one column a class (sorted)."""
    text = [c for c in train.columns if not pd.api.types.is_numeric_dtype(train[c])]
    numbers = [c for c in train.columns if c not in text]
    if learner == "lgbm":
        train, test = train.copy(), test.copy()
        for column in text:
            train[column] = train[column].astype("category")
            test[column] = pd.Categorical(test[column], categories=train[column].cat.categories)
        model = lightgbm.LGBMRegressor(**LIGHTGBM) if regression else lightgbm.LGBMClassifier(**LIGHTGBM)
    else:
        prepared = ColumnTransformer([
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("text", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), text)])
        model = make_pipeline(prepared, Ridge(alpha=1.0) if regression else LogisticRegression(C=1.0, max_iter=3000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train, target)
        return model.predict(test) if regression else model.predict_proba(test)
