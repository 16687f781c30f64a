"""The command line: one table of commands. Only the module of the command that is asked for is imported.

Bad input ends with what is wrong on standard error, each line beginning with ``allpoints:``, and exit status 2; a
server or a journal that cannot do it now, with exit status 1. A traceback is a mistake of ours, never of the input.
"""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from engine.model.errors import NotStored, Refusal
from engine.version import version

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("engine.cli.demo", "watch real calls become orders · 演示:真实警情变为指令"),
    "init": ("engine.cli.init", "make a city's folder that runs · 新建城市目录"),
    "build": ("engine.cli.build", "build a road network from a map · 由地图生成路网"),
    "check": ("engine.cli.check", "look a city or a road network over · 检查城市与路网"),
    "cards": ("engine.cli.cards", "check, show, print and try run cards · 派警规则"),
    "roster": ("engine.cli.roster", "print who is on duty where · 查看当班人员"),
    "serve": ("engine.cli.serve", "run the server of a city · 启动服务"),
    "alert": ("engine.cli.alert", "report an alert to a running server · 录入一条报警"),
    "broadcast": ("engine.cli.broadcast", "tell many at once, and who has read it · 一键群发"),
    "lookout": ("engine.cli.lookout", "look out for somebody, approve it, extend it, end it · 布控"),
    "sighting": ("engine.cli.sighting", "report and verify sightings of who is looked for · 线索"),
    "search": ("engine.cli.search", "somebody is at one of several places: who looks where · 多点查找"),
    "contain": ("engine.cli.contain", "plan which roads to shut around a suspect who drives · 设卡堵截"),
    "exits": ("engine.cli.exits", "where one can leave the city, and who shuts it · 出城口与封控预案"),
    "order": ("engine.cli.order", "approve, choose, refuse, add, replace, cancel · 批准、改派、增派、换人、取消"),
    "terminal": ("engine.cli.terminal", "the text screen of a unit or a station · 文本终端"),
    "explain": ("engine.cli.explain", "read who was recommended for an incident, and why · 查看派警理由"),
    "speeds": ("engine.cli.speeds", "close streets, change and learn their speed · 封控道路、调整和学习车速"),
    "device": ("engine.cli.device", "add, revoke or list terminals · 终端凭据"),
    "user": ("engine.cli.user", "add, revoke or list people and programs · 用户凭据"),
    "tls": ("engine.cli.tls", "encrypt by an authority of one's own · 自建证书机构"),
    "journal": ("engine.cli.journal", "verify the record, sign it, erase personal details · 校验与删除"),
    "warm": ("engine.cli.warm", "compile the kernels ahead of time · 预编译"),
}
BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130
_OURS = ("engine.", "geo_data.")
_OPTION = re.compile(r"--[a-z][a-z-]*")
_DEGREES = re.compile(r"-\d[\d.]*(,-?\d[\d.]*)+")


class _Command(Protocol):
    """What a command's module holds."""

    def add_parser(self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> object:
        """Describe the command's arguments."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Do it, and return the exit status."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    words = _joined(sys.argv[1:] if argv is None else argv)
    asked = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="allpoints",
        description="A real-time geospatial dispatch engine: the nearest able unit by road has the order, and "
        "somebody answers for it.",
        epilog="实时地理派警引擎:警情进来,按路途时间最近、能胜任的警力收到指令,并有人签收负责。"
        "“allpoints 命令 --help” 查看各命令的用法。",
    )
    parser.add_argument("--version", action="version", version=version())
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    command: _Command | None = None
    for name, (module, summary) in COMMANDS.items():
        if name == asked:
            command = cast("_Command", importlib.import_module(module))
            command.add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    args = parser.parse_args(words)
    assert command is not None
    return _run(command, args)


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words with degrees west or south joined to their option: alone, argparse takes them for one."""
    joined: list[str] = []
    for word in words:
        if joined and _OPTION.fullmatch(joined[-1]) and _DEGREES.fullmatch(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _run(command: _Command, args: argparse.Namespace) -> int:
    """Run a command; say what is wrong with its input in lines that a person reads."""
    try:
        return command.run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone: nothing more can be said to them, at exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except NotStored as error:
        return _say(error, FAILED)
    except (Refusal, OSError) as error:
        return _say(error, BAD_INPUT)
    except ValueError as error:
        if not type(error).__module__.startswith(_OURS):
            raise
        return _say(error, BAD_INPUT)


def _say(error: Exception, status: int) -> int:
    for line in str(error).splitlines() or [type(error).__name__]:
        print(f"allpoints: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
