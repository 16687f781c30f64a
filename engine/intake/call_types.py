"""What a call is in our words: the table from a log's call type and priority to an incident type and a level.

The table is a file that one can read and change: ``call_types_sf.toml`` beside this module, for San Francisco.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from engine.model.errors import Refusal
from engine.model.limits import LEVELS

SAN_FRANCISCO_CALL_TYPES = Path(__file__).with_name("call_types_sf.toml")


class CallTypes:
    """Incident type and level by call type and priority.

    Parameters
    ----------
    table
        For each call type ``type`` and the level of each priority.
    source
        Where the table was read, for errors.
    """

    def __init__(self, table: Mapping[str, Mapping[str, object]], source: str) -> None:
        self.source = source
        self._rows: dict[str, tuple[str, dict[str, int]]] = {}
        for call_type, row in table.items():
            levels = {priority: level for priority, level in row.items() if priority != "type"}
            incident_type = row.get("type")
            if not isinstance(incident_type, str) or not incident_type:
                raise Refusal("bad_value", f"{source}: {call_type}.type", incident_type, "an incident type")
            for priority, level in levels.items():
                if level not in LEVELS:
                    limit = f"a level from {LEVELS[0]} to {LEVELS[-1]}"
                    raise Refusal("out_of_range", f"{source}: {call_type}.{priority}", level, limit)
            self._rows[call_type] = (incident_type, {key: int(str(level)) for key, level in levels.items()})

    @classmethod
    def load(cls, path: Path = SAN_FRANCISCO_CALL_TYPES) -> "CallTypes":
        """Read a table from a file.

        Raises
        ------
        Refusal
            When the file is not TOML, or an entry lacks its type or has a level outside 1 to 4.
        """
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Refusal("bad_file", path.name, str(error), "a readable TOML file") from None
        return cls(table.get("call_types", {}), path.name)

    def of(self, call_type: str, priority: str) -> tuple[str, int]:
        """Return the incident type and level of a call.

        Raises
        ------
        Refusal
            ``unknown_call_type`` or ``unknown_priority``: the table has no such row.
        """
        if call_type not in self._rows:
            raise Refusal("unknown_call_type", "call_type", call_type, f"rows of {self.source}")
        incident_type, levels = self._rows[call_type]
        if priority not in levels:
            raise Refusal("unknown_priority", "priority", priority, f"{', '.join(levels)} for {call_type}")
        return incident_type, levels[priority]
