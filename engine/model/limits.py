"""How long and how many the things of the field may be: the same in the core, on the stream and over HTTP.

The core refuses by these whoever embeds it; the wire's types hold the same numbers, so that what comes from outside is
refused while it is read.
"""

LEVELS = (1, 2, 3, 4)
"""Of an incident: 1 is the most urgent."""
MOST_NEEDS = 32
"""Needs of one alert."""
MOST_UNITS_OF_NEED = 64
"""Units of one need."""
MOST_PEOPLE = 500
"""People of one need."""
MOST_EITHER = 8
"""Capabilities of which any meets one need."""
MOST_EQUIPMENT = 8
"""Kinds of equipment that each unit of one need must bring."""
LONGEST_ID = 128
"""Characters of an id, a key, a reference, a type; of a caller and a telephone number."""
LONGEST_CALL_SIGN = 64
"""Characters of a unit's or station's id, and of whoever else a token is for."""
LONGEST_SCOPED_KEY = LONGEST_CALL_SIGN + 1 + LONGEST_ID
"""Characters of a key with its speaker in front: ``car-12/key``."""
LONGEST_NAME = 200
"""Characters of the name of a city, a unit, a station or an area."""
LONGEST_ADDRESS = 500
"""Characters of a place in words."""
LONGEST_TEXT = 4_000
"""Characters of any other free text."""
MOST_NAMED, MOST_OFFICERS = 8, 16
"""Units that a station names in one command, and officers of one of them."""
MOST_ASKED = 8
"""Units that one ask for help, or one command of the desk, adds to an incident."""
WELFARE_EVERY_MS = (60_000, 14_400_000)
"""How often a unit may want to be asked whether it is well, at least and at most, in ms."""
MOST_RECIPIENTS, MOST_BROADCASTS = 10_000, 100
"""Recipients of one broadcast, and broadcasts that are kept: of more the oldest goes."""
MOST_PHOTO_BYTES, MOST_PHOTOS = 5 << 20, 20
"""Bytes of one photo of a report, and photos of one order."""
MOST_ESCALATION_STEPS = 16
"""Steps of what is done about one clock that has run out."""
MOST_RECOMMENDATION_BYTES = 4_096
"""Bytes of one recommendation as it is frozen in an event."""
MOST_SPEED_RULES = 1_000
"""Rules over the streets that hold at one time."""
MOST_RINGS, MOST_CORNERS, MOST_SPOTS = 32, 500, 500
"""Polygons of one rule, corners of one polygon, single streets of one rule."""
MOST_FED = 2_000
"""Live speeds in one message."""
MOST_LOOKOUTS = 10_000
"""Lookouts that hold or wait to be approved at one time."""
MOST_OPEN_SIGHTINGS = 2_000
"""Sightings that wait to be verified or are held."""
MOST_TRACK = 64
"""Sightings of one track; the oldest drop out."""
MOST_TOLD = 16
"""Offices that one lookout names."""
LONGEST_LOOKOUT_MS = 90 * 86_400_000
"""How far ahead a lookout may end, in ms."""
LEAST_ACCURACY_M, WORST_ACCURACY_M = 0.0, 10_000.0
"""How far off the place of a sighting may be."""
MOST_DEVICES = 20_000
"""Devices that already exist and speak for a unit."""
LONGEST_HORIZON_MS = 3_600_000
"""How far ahead a containment looks, in ms."""
OLDEST_SEEN_MS = 3_600_000
"""Ago, in ms, where a suspect was last seen for a containment to begin there."""
MOST_SEEN, MOST_CREW, MOST_CHECKPOINTS, MOST_EXITS = 16, 2_000, 500, 10_000
"""Places where the suspect may have been, units, standing checkpoints and exits of one containment."""
MOST_NEIGHBOURS, MOST_BORDER_EXITS = 32, 64
"""Neighbour cities of one city, and places at which one leaves towards each."""
MOST_ON_ROLL, MOST_DUTIES = 20_000, 100_000
"""People in `officers.csv`, lines of `roster.csv`."""
MOST_CREW_OF_UNIT = 64
"""People on duty in one unit at one time."""
LONGEST_SERIES_S = 86_400
"""Of a series, from its first incident to its last: ended incidents are kept as long."""
MOST_FACTS = 32
"""Facts that are stated of an incident at once."""
MOST_SEARCH_PLACES, MOST_SEEKERS = 64, 32
"""Places of one search, and who drives or telephones for it."""
LONGEST_CHECK_MS = 3_600_000
"""A look at one of them, in ms."""
LONGEST_WALK_MS = 6 * 3_600_000
"""Ago, in ms, where somebody was last seen who is sought within a walk from there."""
