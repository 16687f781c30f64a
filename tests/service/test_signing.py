"""Signed tokens: ours alone are believed, for minutes; keys change by themselves; what is forged is named so."""

import json
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from engine.core.city_toml import AccessSettings
from engine.service.signing import KEPT_S, KEYS, Signing, Untrusted

NOW = 1_790_000_000
SETTINGS = AccessSettings(audience="grid", token_s=600, rotate_s=3_600, skew_s=30)
CREDENTIAL = "00112233aabb"


class Wall:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def signing(tmp_path: Path, wall: Wall):
    made = Signing(tmp_path, SETTINGS, wall)
    yield made
    made.close()


def refused(signing: Signing, token: str, read=None) -> str:
    with pytest.raises(Untrusted) as untrusted:
        (read or signing.read)(token)
    return untrusted.value.code


def parts(token: str) -> tuple[dict, dict, str]:
    header, payload, signature = token.split(".")
    return *(json.loads(urlsafe_b64decode(part + "==")) for part in (header, payload)), signature


def packed(header: dict, payload: dict, signature: str) -> str:
    encoded = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload))
    return ".".join((*encoded, signature))


def test_a_token_names_its_credential_and_nobody(signing: Signing):
    token, claims = signing.sign(CREDENTIAL)
    assert signing.read(token) == claims
    assert (claims.sub, claims.exp - claims.iat) == (CREDENTIAL, 600)
    assert parts(token)[1].keys() == {"iss", "aud", "jti", "sub", "iat", "exp"}
    assert signing.sign(CREDENTIAL)[1].jti != claims.jti


def test_it_holds_until_its_time_and_the_skew_are_over(signing: Signing, wall: Wall):
    token, claims = signing.sign(CREDENTIAL)
    wall.now = claims.exp + 29
    assert signing.read(token) == claims
    wall.now = claims.exp + 30
    assert refused(signing, token) == "expired"
    assert signing.read_expired(token) == claims
    wall.now = NOW - 31
    assert refused(signing, token) == "not_yet_valid"
    assert refused(signing, token, signing.read_expired) == "not_yet_valid"


def test_what_was_changed_or_signed_by_another_is_forged(signing: Signing, tmp_path: Path):
    token, _ = signing.sign(CREDENTIAL)
    header, payload, signature = parts(token)
    stranger = OKPKey.generate_key("Ed25519")
    shared = OctKey.import_key(b"x" * 32)
    forged = {
        "another credential": packed(header, {**payload, "sub": "ffffffffffff"}, signature),
        "a longer life": packed(header, {**payload, "exp": payload["exp"] + 9_999}, signature),
        "alg none": packed({**header, "alg": "none"}, payload, ""),
        "another key under our number": jwt.encode(header, payload, stranger, algorithms=["Ed25519"]),
        "an unknown number": packed({**header, "kid": "0" * 16}, payload, signature),
        "no number": packed({"alg": "Ed25519"}, payload, signature),
        "a number that is none": packed({**header, "kid": ["x"]}, payload, signature),
        "a shared secret": jwt.encode({**header, "alg": "HS256"}, payload, shared, algorithms=["HS256"]),
        "a cut signature": token[:-4],
    }
    for name, one in forged.items():
        assert refused(signing, one) == "forged_token", name
        assert refused(signing, one, signing.read_expired) == "forged_token", name


def test_a_forged_token_is_recorded_by_what_it_claims_if_that_looks_like_a_number(signing: Signing):
    header, payload, _ = parts(signing.sign(CREDENTIAL)[0])
    with pytest.raises(Untrusted) as untrusted:
        signing.read(packed(header, payload, "AAAA"))
    assert (untrusted.value.claims.sub, untrusted.value.claims.jti) == (CREDENTIAL, payload["jti"])
    with pytest.raises(Untrusted) as untrusted:
        signing.read(packed(header, {**payload, "sub": "password: swordfish"}, "AAAA"))
    assert untrusted.value.claims is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"aud": "elsewhere"}, "wrong_audience"),
        ({"aud": None}, "malformed_token"),
        ({"iss": "somebody"}, "malformed_token"),
        ({"exp": None}, "malformed_token"),
        ({"exp": "soon"}, "malformed_token"),
        ({"sub": None}, "malformed_token"),
        ({"sub": 7}, "malformed_token"),
        ({"jti": None}, "malformed_token"),
        ({"iat": NOW + 1_000}, "not_yet_valid"),
    ],
)
def test_what_it_must_say_is_looked_at_even_under_our_own_key(signing: Signing, change: dict, code: str):
    header, payload, _ = parts(signing.sign(CREDENTIAL)[0])
    said = {name: value for name, value in {**payload, **change}.items() if value is not None}
    _, key = signing._signing_key()
    assert refused(signing, jwt.encode(header, said, key, algorithms=["Ed25519"])) == code


@given(st.text(max_size=300))
def test_no_text_is_believed(tmp_path_factory: pytest.TempPathFactory, text: str):
    signing = Signing(tmp_path_factory.getbasetemp(), SETTINGS, Wall())
    try:
        for token in (text, f"{text}.{text}.{text}"):
            assert refused(signing, token) in {"malformed_token", "forged_token"}
    finally:
        signing.close()


def test_keys_change_and_the_old_one_verifies_until_its_tokens_have_run_out(signing: Signing, wall: Wall):
    wall.now = NOW
    first, _ = signing.sign(CREDENTIAL)
    wall.now = NOW + 3_599
    last_of_old, claims = signing.sign(CREDENTIAL)
    wall.now = NOW + 3_600
    of_new, _ = signing.sign(CREDENTIAL)
    numbers = [parts(token)[0]["kid"] for token in (first, last_of_old, of_new)]
    assert numbers[0] == numbers[1] != numbers[2]
    assert signing.read(last_of_old) == claims
    assert signing.read(of_new)
    wall.now = claims.exp + 30
    assert refused(signing, last_of_old) == "expired"


def test_the_private_half_is_gone_when_a_key_is_replaced(signing: Signing, wall: Wall, tmp_path: Path):
    signing.sign(CREDENTIAL)
    key_id, key = signing._signing_key()
    secret = key.as_dict(private=True)["d"]
    path = tmp_path / KEYS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    wall.now += 3_600
    signing.sign(CREDENTIAL)
    rows = signing._rows.execute("SELECT id, private IS NULL FROM keys").fetchall()
    assert dict(rows)[key_id] == 1
    signing.close()
    assert secret.encode() not in path.read_bytes()


def test_a_stolen_old_key_signs_nothing_that_holds(signing: Signing, wall: Wall):
    token, _ = signing.sign(CREDENTIAL)
    header, payload, _ = parts(token)
    _, stolen = signing._signing_key()
    wall.now += 3_600
    signing.sign(CREDENTIAL)
    wall.now += 7_200
    fresh = {**payload, "iat": wall.now, "exp": wall.now + 600}
    assert refused(signing, jwt.encode(header, fresh, stolen, algorithms=["Ed25519"])) == "forged_token"


def test_another_process_signs_with_the_same_key_and_rotation_there_is_seen_here(
    signing: Signing, wall: Wall, tmp_path: Path
):
    ours, _ = signing.sign(CREDENTIAL)
    other = Signing(tmp_path, SETTINGS, wall)
    try:
        theirs, claims = other.sign(CREDENTIAL)
        assert parts(ours)[0]["kid"] == parts(theirs)[0]["kid"]
        assert signing.read(theirs) == claims
        wall.now += 3_600
        theirs, claims = other.sign(CREDENTIAL)
        assert signing.read(theirs) == claims
        assert parts(signing.sign(CREDENTIAL)[0])[0]["kid"] == parts(theirs)[0]["kid"]
    finally:
        other.close()


def test_public_halves_are_kept_for_emergencies_and_not_for_ever(signing: Signing, wall: Wall):
    token, claims = signing.sign(CREDENTIAL)
    wall.now += 3_600
    signing.sign(CREDENTIAL)
    wall.now += KEPT_S
    assert signing.read_expired(token) == claims
    wall.now += 3_600
    signing.sign(CREDENTIAL)
    assert refused(signing, token, signing.read_expired) == "forged_token"


def test_keys_of_a_restarted_server_are_the_same(signing: Signing, wall: Wall, tmp_path: Path):
    token, claims = signing.sign(CREDENTIAL)
    again = Signing(tmp_path, SETTINGS, wall)
    try:
        assert again.read(token) == claims
    finally:
        again.close()
