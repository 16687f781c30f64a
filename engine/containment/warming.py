"""Every kernel of containment compiled, or loaded from the cache, on the smallest network."""

import importlib

import numpy as np

from engine.containment.planning import Planner
from engine.containment.situation import Crew, Seen, Situation
from engine.containment.suspect import fastest_ms
from engine.travel.weights import Weights
from geo_data.crossing import crossing
from geo_data.speeds import travel_ms


def warm() -> None:
    """Shut one street at both ends, and prove that nobody cannot."""
    network = crossing()
    planner = Planner(Weights.first(network, travel_ms(network, "emergency")), fastest_ms(network))
    exits = np.arange(2, dtype=np.int32)
    for crew, verdict in ((Crew.of([0, 0], [0.01, 0.99]), "sealed"), (Crew.of([], []), "impossible")):
        situation = Situation(seen=(Seen(0, 0.5),), horizon_ms=60_000, crew=crew, exits=exits, setup_ms=0)
        plan = planner.case(situation).probable()
        assert plan.verdict == verdict, plan
    importlib.import_module("engine.containment.exact")  # CP-SAT takes half a second to import
