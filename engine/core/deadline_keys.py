"""How the keys of the one heap of deadlines are spelt: whose clock it is, and which."""

MAIL = "mail"
"""The clock of a broadcast that does not stand in every mailbox yet."""
RULE_END = "end"
"""The clock of a rule over the streets that ends by itself."""
LEAVE = "leave"
"""The clock of a step whose approver has not answered."""
UNTIL = "until"
"""The clock of a lookout that ends by itself."""
VERIFY = "verify"
"""The clock of a sighting that nobody has verified."""

ROSTER, SHIFT = "roster", "shift"
"""Whose clock, and which, runs until the next change of a shift."""


def deadline_key(owner: str, clock: str) -> str:
    """Spell the key of one clock of one order, incident, step or rule."""
    return f"{owner} {clock}"


def owner_and_clock(key: str) -> tuple[str, str]:
    """Read the key of a deadline: whose it is, and which clock."""
    owner, _, clock = key.partition(" ")
    return owner, clock
