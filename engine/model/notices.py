"""What notices say: codes that events hold, each a key of the texts. A notice has no other content than its values."""

from typing import Literal

NoticeCode = Literal[
    "shortage",
    "overruled",
    "diverted",
    "approval_wanted",
    "leave_wanted",
    "not_delivered",
    "not_accepted",
    "not_assigned",
    "assign_wanted",
    "assign_nobody",
    "unit_fell_away",
    "not_rolling",
    "not_arrived",
    "not_reported_from_scene",
    "welfare_check",
    "not_reported",
    "nothing_sent",
    "not_updated",
    "not_closed",
    "urge",
    "reason_wanted",
    "overdue",
    "overdue_listed",
    "tell_by_phone",
    "speed_rule_over",
    "clock_departed",
]
