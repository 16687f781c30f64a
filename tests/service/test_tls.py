"""TLS with real handshakes: the city's authority, wrong and expired certificates, renewal, certificates of devices."""

import asyncio
import re
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from engine.cli.main import BAD_INPUT, main
from engine.core.city_toml import Settings
from engine.model.errors import Refusal
from engine.service import authority
from engine.service.access import Access
from engine.service.install import page
from engine.service.tls import Tls, credential_in
from engine.terminal import Client, ClientEnded, Exchange
from tests.support.cities import place
from tests.support.folders import credentials_of, grid_folder
from tests.support.serving import served

NOW = datetime.now(UTC).replace(microsecond=0)
HOST = "dispatch.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority.make_authority(tmp_path, "grid", [HOST, "10.0.0.2"], NOW)
    authority.make_server_certificate(tmp_path, [HOST], NOW)
    return tmp_path


def settings(folder: Path, clients="off") -> Settings:
    home = folder / "tls"
    return Settings(
        certificate=home / "server.crt",
        key=home / "server.key",
        authority=home / "authority.crt",
        client_certificates=clients,
    )


def trusting(folder: Path, device: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "tls" / "authority.crt")
    if device is not None:
        context.load_cert_chain(*device)
    return context


def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = HOST):
    """Shake hands over memory; return what each saw of the other, or raise what went wrong on either side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [ours, theirs]
    for _ in range(20):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            # TLS 1.3: a server that refuses the client's certificate says so after the client has finished.
            theirs.write(b"x")
            ours.read(1)
            return ours.getpeercert(), theirs.getpeercert()
    raise AssertionError("no end to it")


@pytest.mark.parametrize("host", [HOST, "localhost", "127.0.0.1", "::1"])
def test_a_device_that_has_the_authority_knows_the_server_by_each_of_its_names(folder: Path, host: str):
    seen, _ = shake(Tls(settings(folder)).context, trusting(folder), host)
    assert ("DNS", HOST) in seen["subjectAltName"]


def test_keys_are_private_and_the_authority_signs_for_its_hosts_alone(folder: Path):
    for file in ("authority.key", "server.key"):
        assert stat.S_IMODE((folder / "tls" / file).stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "tls").stat().st_mode) == 0o700
    with pytest.raises(Refusal, match=r"bank\.example"):
        authority.make_server_certificate(folder, ["bank.example"], NOW)
    with pytest.raises(Refusal, match="none yet, or --force"):
        authority.make_authority(folder, "grid", [HOST], NOW)


def test_whoever_stole_the_authority_s_key_cannot_be_another_s_server(folder: Path):
    stolen = authority.read_authority(folder)
    names = x509.SubjectAlternativeName([x509.DNSName("bank.example")])
    made = authority._issue(stolen, authority._name("bank"), names, ExtendedKeyUsageOID.SERVER_AUTH, NOW, 30)
    authority._write(folder / "tls" / "server.crt", folder / "tls" / "server.key", made)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree"):
        shake(Tls(settings(folder)).context, trusting(folder), "bank.example")


def test_another_authority_another_name_and_an_expired_certificate_are_refused(folder: Path, tmp_path_factory):
    server = Tls(settings(folder)).context
    with pytest.raises(ssl.SSLCertVerificationError, match=r"Hostname mismatch"):
        shake(server, trusting(folder), "elsewhere.example")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    authority.make_authority(elsewhere, "grid", [HOST], NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"local issuer|self-signed|signature"):
        shake(server, trusting(elsewhere))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, ssl.create_default_context())
    authority.make_server_certificate(folder, [HOST], NOW - timedelta(days=authority.SERVER_DAYS + 1))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake(Tls(settings(folder)).context, trusting(folder))


def test_a_renewed_certificate_is_taken_up_while_the_server_runs_and_a_broken_one_is_not(folder: Path, caplog):
    tls, trust = Tls(settings(folder)), trusting(folder)
    before, _ = shake(tls.context, trust)
    tls.look_again()
    assert shake(tls.context, trust)[0]["serialNumber"] == before["serialNumber"]
    authority.make_server_certificate(folder, [], NOW)
    tls.look_again()
    after, _ = shake(tls.context, trust)
    assert after["serialNumber"] != before["serialNumber"]
    assert after["subjectAltName"] == before["subjectAltName"]
    (folder / "tls" / "server.crt").write_text("broken")
    tls.look_again()
    assert shake(tls.context, trust)[0]["serialNumber"] == after["serialNumber"]
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == ["certificate_not_taken"]


def test_a_certificate_that_ends_soon_is_said(folder: Path, caplog):
    authority.make_server_certificate(folder, [HOST], NOW - timedelta(days=authority.SERVER_DAYS - 20))
    Tls(settings(folder))
    (record,) = [each for each in caplog.records if each.getMessage() == "certificate_ends_soon"]
    assert record.days in {19, 20}


def test_the_certificate_of_a_device_says_whose_it_is(folder: Path, tmp_path: Path):
    device = authority.make_device_certificate(folder, "00112233aabb", tmp_path, NOW)
    assert stat.S_IMODE(device[1].stat().st_mode) == 0o600
    server = Tls(settings(folder, "required")).context
    _, peer = shake(server, trusting(folder, device))
    assert credential_in(peer) == "00112233aabb"
    with pytest.raises(ssl.SSLError, match=r"CERTIFICATE_REQUIRED|PEER_DID_NOT_RETURN"):
        shake(server, trusting(folder))
    _, peer = shake(Tls(settings(folder, "optional")).context, trusting(folder))
    assert credential_in(peer) == ""


def test_a_device_s_certificate_of_another_authority_or_out_of_date_is_refused(folder: Path, tmp_path_factory):
    server = Tls(settings(folder, "optional")).context
    elsewhere, old = tmp_path_factory.mktemp("elsewhere"), tmp_path_factory.mktemp("old")
    authority.make_authority(elsewhere, "grid", [HOST], NOW)
    theirs = authority.make_device_certificate(elsewhere, "00112233aabb", elsewhere, NOW)
    expired = authority.make_device_certificate(folder, "00112233aabb", old, NOW - timedelta(days=400))
    for device in (theirs, expired):
        with pytest.raises(ssl.SSLError):
            shake(server, trusting(folder, device))


@pytest.mark.parametrize("host", ["", "a b", "x..y", "http://x", "x" * 64, "é.example"])
def test_what_is_no_host_is_refused_by_name(tmp_path: Path, host: str):
    with pytest.raises(Refusal, match="--host"):
        authority.make_authority(tmp_path, "grid", [host], NOW)


def test_the_page_has_both_languages_and_the_fingerprint(folder: Path):
    certificate = authority.read_authority(folder).certificate
    shown = page(certificate)
    assert shown.count(certificate.fingerprint(hashes.SHA256()).hex(":").upper()) == 2
    assert "指纹" in shown
    assert "fingerprint" in shown
    assert not re.search(r"(src|href)=\"http", shown)


def test_settings_that_cannot_be_used_are_refused_by_name(folder: Path):
    for broken in ("server.crt", "authority.crt"):
        (folder / "tls" / broken).write_text("x")
        with pytest.raises(Refusal, match=broken):
            Tls(settings(folder, "required"))
        authority.make_authority(folder, "grid", [HOST], NOW, force=True)
        authority.make_server_certificate(folder, [HOST], NOW)


def test_from_nothing_to_an_order_over_tls_with_a_device_s_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = grid_folder(tmp_path / "city")
    assert main(["tls", "show", str(folder)]) == BAD_INPUT
    assert main(["tls", "init", str(folder), "--host", HOST]) == 0
    printed = capsys.readouterr().out
    city = folder / "city.toml"
    city.write_text(city.read_text() + '\n[tls]\nclient_certificates = "optional"\n')
    credentials = credentials_of(folder)
    with Access(folder) as access:
        public = {row.subject: row.id for row in access.credentials()}
    assert main(["tls", "device", str(folder), public["P1"], "--out", str(tmp_path)]) == 0
    assert main(["tls", "device", str(folder), "ffffffffffff", "--out", str(tmp_path)]) == BAD_INPUT
    capsys.readouterr()
    device = trusting(folder, (tmp_path / f"{public['P1']}.crt", tmp_path / f"{public['P1']}.key"))

    async def greet(server, name, trust):
        async with Client(server.stream, Exchange(server.http, credentials[name], ssl=trust), ssl=trust) as client:
            return (await client.connected()).recipient

    with served(folder) as server:
        assert server.http.startswith("https://")
        assert server.stream.startswith("wss://")
        assert main(["alert", str(folder), "--type", "robbery", "--at", "{},{}".format(*place(1, 1))]) == 0
        assert "grid-order-1" in capsys.readouterr().out
        assert asyncio.run(greet(server, "P1", device)) == "P1"
        assert asyncio.run(greet(server, "P2", trusting(folder))) == "P2"
        with pytest.raises(ClientEnded, match="wrong_certificate"):
            asyncio.run(greet(server, "P2", device))
        token = httpx.post(f"{server.http}/v1/token", headers=bearer(credentials["P2"]), verify=trusting(folder)).json()
        crossed = httpx.get(f"{server.http}/v1/bootstrap", headers=bearer(token["token"]), verify=device)
        assert (crossed.status_code, crossed.json()["code"]) == (401, "wrong_certificate")
        shown = httpx.get(f"{server.http}/install", verify=trusting(folder))
        (fingerprint,) = re.findall(r"SHA-256: +(\S+)", printed)
        assert fingerprint in shown.text
        given = httpx.get(f"{server.http}/install/authority.crt", verify=trusting(folder))
        assert given.headers["content-type"] == "application/x-x509-ca-cert"
        assert authority.fingerprint(x509.load_der_x509_certificate(given.content)) == fingerprint
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{server.http}/healthz")
        assert server.terminate() == 0


def bearer(shown: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {shown}"}


def test_client_certificates_without_a_certificate_of_the_server_are_refused(tmp_path: Path):
    from engine.service.server import CityServer

    folder = grid_folder(tmp_path)
    city = folder / "city.toml"
    city.write_text(city.read_text() + '\n[tls]\nclient_certificates = "required"\n')
    with pytest.raises(Refusal, match=r"tls\.client_certificates"):
        CityServer(folder)
