"""Run cards as they are written and as they answer: their words, how they are read, how they inherit.

`model` holds what a file can say, `vocabulary` and `reading` read it, `card` answers for a type, a level and a period.
"""
