import string
from typing import get_args

import pytest

from engine.model.turns import Turn, TurnCode
from engine.texts import LANGUAGES, catalogue
from engine.texts.directions import direction, directions


def turn(code, length_m=320.0, bearing_deg=0, **more):
    return Turn(code=code, lon=0.0, lat=0.0, bearing_deg=bearing_deg, length_m=length_m, ms=1, **more)


@pytest.mark.parametrize(
    ("told", "english", "chinese"),
    [
        (
            turn("turn_left", name="Renmin Road", name_zh="人民路"),
            "turn left into Renmin Road, 320 m",
            "左转进入人民路,行驶 320 米",
        ),
        (turn("sharp_right", 1_240.0), "turn sharp right, 1.2 km", "向右急转,行驶 1.2 公里"),
        (turn("depart", 43.4, 46, name="A"), "head north-east along A, 43 m", "向东北出发,沿A行驶 43 米"),
        (turn("depart", 996.0, 359, name_zh="甲路"), "head north along 甲路, 1.0 km", "向北出发,沿甲路行驶 1.0 公里"),
        (turn("continue", 94.9, name="A"), "continue along A, 95 m", "直行,沿A行驶 95 米"),
        (
            turn("roundabout", 104.0, exit=2, name="A"),
            "at the roundabout take exit 2 into A, 100 m",
            "进入环岛,从第 2 个出口驶出,进入A,行驶 100 米",
        ),
        (turn("roundabout", 104.0), "enter the roundabout, 100 m", "进入环岛,行驶 100 米"),
        (turn("arrive", 0.0, name="A"), "arrive", "到达"),
        (turn("arrive", 0.0, side="left"), "arrive; the place is on the left", "到达,地点在左侧"),
    ],
)
def test_a_turn_reads_in_either_language(told, english, chinese):
    assert directions([told]) == [english]
    assert direction(told, "zh") == chinese


def test_every_code_has_a_text_in_every_language():
    for language in LANGUAGES:
        texts = catalogue(language)["turn"]
        assert set(texts) == {*get_args(TurnCode), "roundabout_unknown"} - {"arrive"}
        for code in get_args(TurnCode):
            for named in ("", "A"):
                line = direction(turn(code, name=named, exit=1), language)
                assert not [field for _, field, _, _ in string.Formatter().parse(line) if field]
                assert (named in line) or code == "arrive"
