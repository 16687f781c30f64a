"""How to shut the roads around a suspect who drives: posts that stand in time, with proof, or the proof that none can.

Rules: the suspect is as fast as anybody and minds no sign; a post stands before he can be there; every plan is held
against an adversary who knows it; no plan without margin is a seal. Pure functions of a road network, travel times and
a situation: no clock, no randomness that is not seeded, no I/O.
"""

from engine.containment.checking import Checker
from engine.containment.exits import Exits, exits_of
from engine.containment.plan import SURE_STRETCH, Branch, Certificate, Chance, Plan, Post, Route, Why
from engine.containment.planning import Case, Planner
from engine.containment.situation import Checkpoints, Crew, Seen, Situation
from engine.containment.standing import Manned, barred_nodes, standing_plan
from engine.containment.suspect import fastest_ms

__all__ = [
    "SURE_STRETCH",
    "Branch",
    "Case",
    "Certificate",
    "Chance",
    "Checker",
    "Checkpoints",
    "Crew",
    "Exits",
    "Manned",
    "Plan",
    "Planner",
    "Post",
    "Route",
    "Seen",
    "Situation",
    "Why",
    "barred_nodes",
    "exits_of",
    "fastest_ms",
    "standing_plan",
]
