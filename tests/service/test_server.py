"""The real server in a process of its own: start, alert, stream, bad input, a clean end, and coming back."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.cli.main import main
from engine.terminal import Client, Exchange
from tests.support.cities import place
from tests.support.folders import credentials_of, grid_folder
from tests.support.serving import Served, served

LON, LAT = place(1, 1)


def alert(ref, **more):
    needs = [{"capability": "patrol"}]
    said = {"text": "Zhang San has a knife", "phone": "13800000000"}
    return {"source_ref": str(ref), "type": "robbery", "lon": LON, "lat": LAT, "needs": needs, "details": said, **more}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    folder = grid_folder(tmp_path_factory.mktemp("city"))
    with served(folder) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(server: Served) -> dict[str, str]:
    return credentials_of(server.folder)


def test_an_alert_over_http_is_an_order_on_the_stream(server: Served, tokens: dict[str, str]):
    async def patrol():
        async with server.terminal(tokens["P1"]) as client:
            await client.connected()
            with server.client(tokens["calls"]) as http:
                taken = await asyncio.to_thread(http.post, "/v1/alerts", json=alert("stream"))
            item = await client.next_item()
            assert item is not None
            answered = await client.answer(item.order, "accept")
            return taken, item, answered

    taken, item, answered = asyncio.run(asyncio.wait_for(patrol(), 20))
    (order,) = taken.json()["orders"]
    assert taken.status_code == 201
    assert (item.kind, item.order.id, item.order.recipient) == ("order", order["id"], "P1")
    assert item.order.text == "Zhang San has a knife"
    assert answered.ref
    with server.client(tokens["desk"]) as http:
        assert http.get(f"/v1/orders/{order['id']}").json()["state"] == "accepted"


def test_it_says_that_it_is_alive_ready_and_what_it_offers(server: Served, tokens: dict[str, str]):
    with server.client(tokens["desk"]) as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.get("/readyz").status_code == 200
        assert "/v1/alerts" in http.get("/v1/openapi").json()["paths"]
        assert http.get("/v1/bootstrap").json()["stream_url"] == server.stream
        assert "allpoints_sessions" in http.get("/metrics").text


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 1_000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000,
    ],
)
def test_bytes_that_are_no_request_do_not_take_it_down(server: Served, raw: bytes):
    host, port = server.http.removeprefix("http://").split(":")
    received = b""
    # The server may hang up while we still speak.
    with socket.create_connection((host, int(port)), 10) as connection, contextlib.suppress(OSError):
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65_536):
            received += part
    assert not received or re.match(rb"HTTP/1\.1 4\d\d ", received)
    with server.client() as http:
        assert http.get("/healthz").status_code == 200


def test_ten_megabytes_are_refused_by_name_and_the_next_alert_is_taken(server: Served, tokens: dict[str, str]):
    with server.client(tokens["calls"]) as http:
        refused = http.post("/v1/alerts", content=b'{"details": {"text": "' + b"x" * 10_000_000)
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (413, "too_big", "body")
        assert refused.json()["limit"] == "65536 bytes"
        assert http.post("/v1/alerts", json=alert("after the large one")).status_code == 201


def test_the_log_holds_no_words_of_callers(server: Served, tokens: dict[str, str]):
    with server.client(tokens["calls"]) as http:
        http.post("/v1/alerts", json=alert("log"))
        http.post("/v1/alerts", content=b'{"text": "Zhang San"')
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert any(line["event"] == "ready" for line in lines)
    assert "Zhang" not in server.log()
    assert not any(token in server.log() for token in tokens.values())


def test_a_second_server_of_the_same_folder_is_refused_in_words(server: Served):
    command = [sys.executable, "-m", "engine.cli.main", "serve", str(server.folder), "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1].startswith("allpoints: ")
    assert "Traceback" not in second.stderr
    with server.client() as http:
        assert http.get("/readyz").status_code == 200


def test_a_port_that_is_taken_is_said_in_words(tmp_path: Path):
    folder = grid_folder(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "engine.cli.main", "serve", str(folder), "--http-port", port]
        tried = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert tried.returncode == 2
    assert f"127.0.0.1:{port}" in tried.stderr
    assert "Traceback" not in tried.stderr


def test_a_folder_that_cannot_be_used_is_said_line_by_line(tmp_path: Path):
    folder = grid_folder(tmp_path)
    units = folder / "units.csv"
    units.write_text(units.read_text().replace("patrol", "patrole"))
    command = [sys.executable, "-m", "engine.cli.main", "serve", str(folder), "--port", "0"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (tried.returncode, tried.stdout) == (2, "")
    lines = tried.stderr.splitlines()
    assert all(line.startswith("allpoints: ") for line in lines)
    assert sum("units.csv:" in line and "'patrole'" in line for line in lines) == 2


def test_a_clean_end_keeps_everything_and_tells_the_clients(tmp_path: Path):
    folder = grid_folder(tmp_path)
    tokens = credentials_of(folder)

    async def patrol(server: Served):
        async with server.terminal(tokens["P1"], backoff_s=(0.05, 0.1)) as client:
            await client.connected()
            with server.client(tokens["calls"]) as http:
                first = (await asyncio.to_thread(http.post, "/v1/alerts", json=alert(1))).json()
            item = await client.next_item()
            assert item is not None
            assert await asyncio.to_thread(server.terminate, signal.SIGINT) == 0
            return first, item

    with served(folder) as server:
        first, item = asyncio.run(asyncio.wait_for(patrol(server), 40))
        assert not (folder / "record" / "address.json").exists()
    with served(folder) as again, again.client(tokens["desk"]) as http:
        (incident,) = http.get("/v1/incidents").json()["incidents"]
        assert incident["id"] == first["incident"]
        order = http.get(f"/v1/orders/{item.order.id}").json()
        # The terminal had it, but was never asked for the next: it has not said so.
        assert (order["recipient"], order["state"]) == ("P1", "sent")
        repeated = http.post("/v1/alerts", json=alert(1, source="calls"))
        assert (repeated.status_code, repeated.json()["incident"]) == (200, first["incident"])
        assert again.terminate() == 0


def test_one_certificate_serves_both_listeners(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = grid_folder(tmp_path)
    certificate, key = self_signed(tmp_path)
    trust = ssl.create_default_context(cafile=certificate)

    async def greet(server: Served):
        credential = Exchange(server.http, credentials_of(folder)["P1"], ssl=trust)
        async with Client(server.stream, credential, ssl=trust) as client:
            return await client.connected()

    with served(folder, "--certificate", str(certificate), "--key", str(key)) as server:
        assert server.http.startswith("https://")
        assert server.stream.startswith("wss://")
        at = f"{LON},{LAT}"
        assert main(["alert", str(folder), "--type", "robbery", "--at", at, "--ca", str(certificate)]) == 0
        assert asyncio.run(greet(server)).recipient == "P1"
        assert server.terminate() == 0
    assert "grid-order-1" in capsys.readouterr().out


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for loopback that is good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "server.crt", folder / "server.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )
    return paths
