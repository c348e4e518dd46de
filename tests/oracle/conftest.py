"""One thread for scikit-learn and its like: tables of tests are small, and more threads wait for each other longer than they work."""

import pytest
import threadpoolctl


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    with threadpoolctl.threadpool_limits(1):
        yield
