"""``allpoints serve``: run the server of a city until Ctrl-C."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from engine.model.errors import NotStored, Refusal

_CRASHED = 1
_SWITCH_S = 0.0002
"""So long a thread that has been at the disk waits for the busy loop at most; the usual 5 ms is ten commits."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Describe the command."""
    description = (
        "Run the server of a city. When it is ready it prints one JSON line with its addresses on standard output; "
        "its log goes to standard error. 启动一个城市的服务,就绪后在标准输出打印一行地址。"
    )
    parser = subparsers.add_parser("serve", help="run the server of a city", description=description)
    parser.add_argument("folder", type=Path, help="the city's folder")
    parser.add_argument("--host", help="where both listeners listen; default: what city.toml says")
    parser.add_argument("--http-port", type=_port, help="0 lets the system choose")
    parser.add_argument("--stream-port", type=_port, help="0 lets the system choose")
    parser.add_argument("--port", type=_port, help="HTTP on this port, the stream on the next; 0: both are chosen")
    parser.add_argument("--certificate", type=Path, help="TLS certificate of both listeners, PEM")
    parser.add_argument("--key", type=Path, help="the certificate's key")
    parser.add_argument("--clock", choices=("system", "virtual"), default="system", help="virtual: messages set it")
    parser.add_argument("--now", type=int, default=0, help="where a virtual clock begins, ms since the epoch")
    parser.add_argument("--trace", action="store_true", help="tell clients how long deciding and storing took")
    parser.add_argument(
        "--no-sync", action="store_true", help="do not wait for the disk: only for trials, a power cut loses records"
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser


def _port(given: str) -> int:
    if not given.isdecimal() or int(given) > 65_535:
        raise argparse.ArgumentTypeError(f"{given!r} is not a port, 0 to 65535")
    return int(given)


def run(args: argparse.Namespace) -> int:
    """Serve, and return 0 after a clean end."""
    import msgspec

    from engine.service.address import Address
    from engine.service.logs import log_to
    from engine.service.server import CityServer, Options

    if (args.certificate is None) != (args.key is None):
        raise Refusal("missing", "--certificate, --key", "only one of them", "both, or neither")
    log = log_to(level=logging.DEBUG if args.verbose else logging.INFO)
    http_port, stream_port = args.http_port, args.stream_port
    if args.port is not None:
        http_port = args.port if http_port is None else http_port
        stream_port = (args.port + 1 if args.port else 0) if stream_port is None else stream_port
    options = Options(
        http_host=args.host,
        stream_host=args.host,
        http_port=http_port,
        stream_port=stream_port,
        certificate=args.certificate,
        key=args.key,
        virtual_now=args.now if args.clock == "virtual" else None,
        trace=args.trace,
        synchronous="OFF" if args.no_sync else "FULL",
    )
    server = CityServer(args.folder, options)
    sys.setswitchinterval(_SWITCH_S)

    def say(address: Address) -> None:
        sys.stdout.write(msgspec.json.encode(address).decode() + "\n")
        sys.stdout.flush()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(server.run(say))
    except (Refusal, NotStored, OSError, ValueError):
        # Bad input and a journal that does not take: the command line says these in words.
        raise
    except Exception:
        log.exception("crashed")
        return _CRASHED
    return 0


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """Return the faster loop where there is one."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
