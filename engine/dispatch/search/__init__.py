"""Who looks where, in which order: somebody is at one of several places, each with a probability.

A fraud victim in one of nine hotels, a missing old man at one of the places he knows. Pure: places, chances and times
in, a plan out; `after_look` is what a "not here" teaches, `seek` chooses the units as well,
`places_within` gives the places where nobody knows any better.
"""

from engine.dispatch.search.belief import after_look
from engine.dispatch.search.planning import Look, Search, SearchPlan, plan_search
from engine.dispatch.search.seeking import Engaged, Question, seek
from engine.dispatch.search.walking import Walked, places_within

__all__ = [
    "Engaged",
    "Look",
    "Question",
    "Search",
    "SearchPlan",
    "Walked",
    "after_look",
    "places_within",
    "plan_search",
    "seek",
]
