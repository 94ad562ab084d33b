"""Four families of classifiers: their settings, and a typed seam to scikit-learn, which has no types.

Each family has a function that makes its model, and constants of its own. Code fingerprints follow both: change
`NEIGHBOUR_WEIGHTS`, and the cells of the nearest neighbours run again, those of other families do not. How
settings are *worded* is said in another file (`picture.py`): a new label trains nothing.

scikit-learn is imported where a model is made: a run that reuses all its results does not wait for it.
"""

from __future__ import annotations

import enum
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Final, Protocol, TypeAlias, assert_never

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from returns.result import Failure, Result, Success

Images: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int64]

LIBRARIES: Final = ("scikit-learn",)
"""Another version of these may fit otherwise: whatever trains a model names them in its identity."""

LOGISTIC_EPOCHS: Final = 200
NETWORK_EPOCHS: Final = 250
NEIGHBOUR_WEIGHTS: Final = "distance"
SUPPORT_TOLERANCE: Final = 1e-3


class Penalty(enum.Enum):
    """What keeps the weights of a logistic regression small."""

    RIDGE = "l2"
    LASSO = "l1"


class Solver(enum.Enum):
    """How a logistic regression is fitted. L-BFGS takes no lasso, as each of its users finds out once."""

    LBFGS = "lbfgs"
    SAGA = "saga"


class Metric(enum.Enum):
    """What near means."""

    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"
    COSINE = "cosine"


@frozen
class Logistic:
    """Multinomial logistic regression; ``c`` is the inverse strength of the penalty."""

    c: float
    penalty: Penalty
    solver: Solver


@frozen
class Support:
    """Nu support vectors with a Gaussian kernel; which values of ``nu`` are feasible the data decide."""

    nu: float
    gamma: float


@frozen
class Neighbours:
    """The ``k`` nearest neighbours."""

    k: int
    metric: Metric


@frozen
class Network:
    """A perceptron with one hidden layer of ``width`` units, trained by Adam at a learning ``rate``."""

    width: int
    rate: float


Settings: TypeAlias = Logistic | Support | Neighbours | Network


@frozen
class DidNotConverge:
    """The expected failure: the fit was still moving when its ``iterations`` were used up."""

    iterations: int


class Classifier(Protocol):
    """As much of a scikit-learn classifier as is used here."""

    def fit(self, images: Images, labels: Labels, /) -> object: ...
    def predict(self, images: Images, /) -> Labels: ...


def logistic_model(settings: Logistic, seed: int) -> Classifier:
    return _class("sklearn.linear_model", "LogisticRegression")(
        C=settings.c,
        l1_ratio=1.0 if settings.penalty is Penalty.LASSO else 0.0,
        solver=settings.solver.value,
        max_iter=LOGISTIC_EPOCHS,
        random_state=seed,
    )


def support_model(settings: Support) -> Classifier:
    return _class("sklearn.svm", "NuSVC")(nu=settings.nu, gamma=settings.gamma, tol=SUPPORT_TOLERANCE)


def neighbours_model(settings: Neighbours) -> Classifier:
    return _class("sklearn.neighbors", "KNeighborsClassifier")(
        n_neighbors=settings.k, metric=settings.metric.value, weights=NEIGHBOUR_WEIGHTS
    )


def network_model(settings: Network, seed: int) -> Classifier:
    return _class("sklearn.neural_network", "MLPClassifier")(
        hidden_layer_sizes=(settings.width,),
        learning_rate_init=settings.rate,
        max_iter=NETWORK_EPOCHS,
        random_state=seed,
    )


def model_of(settings: Settings, seed: int) -> Classifier:
    """Make a model of any family. Who calls this depends on the code of all four."""
    match settings:
        case Logistic():
            return logistic_model(settings, seed)
        case Support():
            return support_model(settings)
        case Neighbours():
            return neighbours_model(settings)
        case Network():
            return network_model(settings, seed)
        case _ as never:
            assert_never(never)


def nearby(settings: Settings, chance: np.random.Generator) -> Settings:
    """Draw settings in the neighbourhood of the given ones: what a grid leaves out between its lines."""
    one, two = (float(10**exponent) for exponent in chance.uniform(-0.5, 0.5, size=2))
    match settings:
        case Logistic(c=c):
            return evolve(settings, c=c * one)
        case Support(nu=nu, gamma=gamma):
            return Support(nu * one, gamma * two)
        case Neighbours(k=k):
            return evolve(settings, k=max(1, round(k * one)))
        case Network(width=width, rate=rate):
            return Network(max(1, round(width * one)), rate * two)
        case _ as never:
            assert_never(never)


def trained(model: Classifier, images: Images, labels: Labels) -> Result[Classifier, DidNotConverge]:
    """Fit on one core; scikit-learn's warning that a fit did not converge becomes a failure with a type."""
    with _one_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(images, labels)
    for warning in caught:
        print(f"{warning.category.__name__}: {warning.message}")
    if any(warning.category.__name__ == "ConvergenceWarning" for warning in caught):
        return Failure(DidNotConverge(int(np.max(getattr(model, "n_iter_", 0)))))
    return Success(model)


def _class(module: str, name: str) -> Callable[..., Classifier]:
    made: Callable[..., Classifier] = getattr(import_module(module), name)
    return made


def _one_thread() -> AbstractContextManager[object]:
    limits: Callable[..., AbstractContextManager[object]] = import_module("threadpoolctl").threadpool_limits
    return limits(1)
