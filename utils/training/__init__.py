"""Training, in the order in which one seed goes through it.

    fitting       the visible `fit`: batch orders, inference-mode metrics
    starts        initial weights and masks, by seed and place
    descriptions  what a compiled program is known by
    programs      one epoch of Keras's own training steps, compiled
    rows          what a seed trains on and is measured on
    results       curves, weights and predictions of many seeds
    replicates    one training per seed, many seeds, one compiled program

A room imports only from those above it.
"""

from . import descriptions, fitting, programs, replicates, results, rows, starts
from .fitting import InferenceModeMetrics, ShuffledBatches, batch_orders
from .programs import NotTrainable
from .replicates import METRICS, replicate, spaced_epochs
from .results import Replicates
from .starts import seeded_model

# Whatever numbers of trainings depend on.
MODULES = (fitting, starts, descriptions, programs, rows, results, replicates)

__all__ = [
    "METRICS",
    "MODULES",
    "InferenceModeMetrics",
    "NotTrainable",
    "Replicates",
    "ShuffledBatches",
    "batch_orders",
    "replicate",
    "seeded_model",
    "spaced_epochs",
]
