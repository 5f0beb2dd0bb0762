"""Tokens that identity signs are believed; everything that only looks like one is not."""

import base64
import json
import random
import threading
import zlib
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_elliptic_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from services.identity.tokens import KeyFault, Signer, new_refresh_token, token_digest
from shared.client.errors import Unauthenticated, Unavailable
from shared.domain.permissions import DEFAULT_ROLES, PERMISSIONS, REGIONAL_THINGS
from shared.platform.rpc.grants import pack
from shared.platform.rpc.keys import KEYS_LIFETIME, MAX_WAITING, REFETCH_AFTER
from shared.platform.rpc.tokens import LEEWAY, REMEMBERED_TOKENS, TokenVerifier
from tests.support.waiting import patience


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def generate_private_key():
    return pem(Ed25519PrivateKey.generate())


PRIVATE_KEY = generate_private_key()
USER, SESSION, REGION = uuid4(), uuid4(), uuid4()


def repack(said):
    """The claim with something in it that identity does not sign."""
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(said).encode())).rstrip(b"=").decode()


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


class Keys:
    """A provider that counts its fetches and fails when told to."""

    def __init__(self, jwks):
        self.jwks = jwks
        self.fetches = 0
        self.fault = None

    def __call__(self):
        self.fetches += 1
        if self.fault:
            raise self.fault
        return self.jwks


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def signer(clock):
    return Signer(PRIVATE_KEY, lifetime=900, clock=clock)


@pytest.fixture
def keys(signer):
    return Keys(signer.jwks())


@pytest.fixture
def verifier(keys, clock):
    return TokenVerifier(keys, clock=clock)


def sign(signer):
    grants = {"report:read": None, "alert:issue": frozenset({REGION})}
    return signer.sign(USER, SESSION, {"coordinator": 3}, grants, version=7)


def public_pem(private_pem):
    key = serialization.load_pem_private_key(private_pem.encode(), None).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def forge(signer, clock, key=None, algorithm="EdDSA", headers=None, **claims):
    """A token with some claims or headers replaced; None leaves one out."""
    genuine = {
        "iss": "impactx-identity",
        "aud": "impactx",
        "sub": str(USER),
        "jti": "1",
        "iat": int(clock()),
        "exp": int(clock()) + 900,
        "permissions": {},
    }
    body = {name: value for name, value in {**genuine, **claims}.items() if value is not None}
    header = {"kid": signer.jwks()["keys"][0]["kid"], **(headers or {})}
    return jwt.encode(body, key or PRIVATE_KEY, algorithm=algorithm, headers=header)


def test_what_was_signed_comes_back(verifier, signer):
    caller = verifier.verify(sign(signer), "c-1")
    assert caller.user_id == USER
    assert caller.roles == {"coordinator"}
    assert caller.session_id == str(SESSION)
    assert caller.signed.account_version == 7
    assert caller.signed.role_versions == {"coordinator": 3}
    assert caller.correlation_id == "c-1"
    assert caller.regions("report:read") is None
    assert caller.regions("alert:issue") == {REGION}
    assert not caller.may("report:update")


def test_a_token_is_checked_once_but_keeps_no_correlation_id(verifier, signer, keys):
    token = sign(signer)
    assert verifier.verify(token, "first").correlation_id == "first"
    assert verifier.verify(token, "second").correlation_id == "second"
    assert keys.fetches == 1


def test_an_expired_token_is_refused_even_when_it_was_remembered(verifier, signer, clock):
    token = sign(signer)
    verifier.verify(token)
    clock.now += 900 + LEEWAY
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.verify(token)
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.verify(token)


def test_a_clock_that_is_late_shuts_nobody_out(verifier, signer, clock):
    clock.now += 3600
    token = sign(signer)
    clock.now -= 3600
    verifier.verify(token)


def test_a_clock_that_is_a_little_early_is_tolerated(verifier, signer, clock):
    token = sign(signer)
    clock.now += 900 + LEEWAY - 1
    verifier.verify(token)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "another-platform"},
        {"aud": None},
        {"aud": []},
        {"sub": None},
        {"sub": "not-a-uuid"},
        {"jti": None},
        {"exp": None},
        {"iat": None},
        {"permissions": {"report:read": False}},
        {"permissions": {"report:read": "yes"}},
        {"permissions": {"report:read": ["nowhere"]}},
        {"permissions": "all"},
        {"grants": ""},
        {"grants": "all"},
        {"grants": {"report:read": True}},
        {"grants": pack({}, {})[:-3]},
        {"grants": repack({"roles": [], "permissions": ["report:read"], "everywhere": [1], "regions": []})},
        {"grants": repack({"roles": [], "permissions": [], "everywhere": []})},
        {"grants": repack({"roles": [], "permissions": ["a"], "everywhere": [], "regions": [[[0], "AAAA"]]})},
    ],
    ids=repr,
)
def test_a_token_with_wrong_claims_is_refused(verifier, signer, clock, claims):
    with pytest.raises(Unauthenticated):
        verifier.verify(forge(signer, clock, **claims))


def test_an_unsigned_token_is_refused(verifier, signer, clock):
    with pytest.raises(Unauthenticated):
        verifier.verify(jwt.encode({"sub": str(USER)}, None, algorithm="none"))
    header, body, _ = sign(signer).split(".")
    for algorithm in ("none", "None", "NONE"):
        claimed = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode().rstrip("=")
        with pytest.raises(Unauthenticated):
            verifier.verify(f"{claimed}.{body}.")
    with pytest.raises(Unauthenticated):
        verifier.verify(f"{header}.{body}.")


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_the_public_key_is_not_taken_for_a_shared_secret(verifier, signer, clock):
    jwk = signer.jwks()["keys"][0]
    for secret in (jwk["x"], base64.urlsafe_b64decode(jwk["x"] + "=")):
        with pytest.raises(Unauthenticated):
            verifier.verify(forge(signer, clock, key=secret, algorithm="HS256"))


def test_another_algorithm_is_refused(verifier, signer, clock):
    with pytest.raises(Unauthenticated):
        verifier.verify(forge(signer, clock, key=generate_elliptic_key(SECP256R1()), algorithm="ES256"))


def test_a_key_that_the_token_brings_along_is_not_believed(verifier, signer, clock):
    own = Ed25519PrivateKey.generate()
    theirs = Signer(generate_private_key()).jwks()["keys"][0]
    for headers in ({}, {"jwk": theirs}, {"jku": "https://example.org/keys"}, {"kid": theirs["kid"]}):
        with pytest.raises(Unauthenticated):
            verifier.verify(forge(signer, clock, key=own, headers=headers))


def test_every_changed_character_is_noticed(verifier, signer):
    token = sign(signer)
    header, body, signature = token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed["permissions"] = {"*": True}
    forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    with pytest.raises(Unauthenticated):
        verifier.verify(f"{header}.{forged}.{signature}")
    for at in range(0, len(signature) - 1, 7):
        other = "A" if signature[at] != "A" else "B"
        with pytest.raises(Unauthenticated):
            verifier.verify(f"{header}.{body}.{signature[:at]}{other}{signature[at + 1 :]}")


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "é.é.é", "null", "x" * 100_000, "\ud800", "eyJhbGciOiJFZERTQSJ9.e30.AA"]
)
def test_what_is_no_token_is_refused(verifier, token):
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_made_up_key_ids_do_not_flood_identity(verifier, signer, clock, keys):
    verifier.verify(sign(signer))
    for number in range(50):
        with pytest.raises(Unauthenticated):
            verifier.verify(forge(signer, clock, headers={"kid": f"made-up-{number}"}))
    assert keys.fetches == 1
    clock.now += REFETCH_AFTER + 1
    with pytest.raises(Unauthenticated):
        verifier.verify(forge(signer, clock, headers={"kid": "made-up"}))
    assert keys.fetches == 2


def test_a_rotated_key_is_fetched_and_the_old_one_is_honoured_until_withdrawn(verifier, signer, clock, keys):
    old = sign(signer)
    verifier.verify(old)
    successor = Signer(generate_private_key(), public_pem(PRIVATE_KEY), clock=clock)
    keys.jwks = successor.jwks()
    clock.now += REFETCH_AFTER + 1
    verifier.verify(sign(successor))
    verifier.verify(old)

    alone = Signer(generate_private_key(), clock=clock)
    keys.jwks = alone.jwks()
    clock.now += KEYS_LIFETIME + 1
    verifier.verify(sign(alone))
    with pytest.raises(Unauthenticated):
        verifier.verify(old)


def test_a_clock_that_is_set_back_does_not_stop_fetching(verifier, signer, clock, keys):
    verifier.verify(sign(signer))
    clock.now -= 3600
    successor = Signer(generate_private_key(), clock=clock)
    keys.jwks = successor.jwks()
    verifier.verify(sign(successor))


def test_identity_away_is_not_called_a_false_token(verifier, signer, clock, keys):
    keys.fault = Unavailable()
    for _ in range(20):
        with pytest.raises(Unavailable):
            verifier.verify(sign(signer))
    assert keys.fetches == 1
    keys.fault = None
    clock.now += REFETCH_AFTER + 1
    verifier.verify(sign(signer))

    keys.fault = Unavailable()
    clock.now += KEYS_LIFETIME + 1
    verifier.verify(sign(signer))


class HungIdentity:
    """Takes each question for the keys and does not answer until it is let."""

    def __init__(self, jwks):
        self.jwks = jwks
        self.asked = threading.Event()
        self.let = threading.Event()
        self.fetches = 0

    def __call__(self):
        self.fetches += 1
        self.asked.set()
        assert self.let.wait(patience(30))
        return self.jwks


@pytest.fixture
def hung(verifier, signer, keys, clock):
    """The keys are known and old, and identity does not answer."""
    verifier.verify(sign(signer))
    away = HungIdentity(signer.jwks())
    verifier._keys._fetch = away
    clock.now += KEYS_LIFETIME + 1
    yield away
    away.let.set()


def test_a_known_key_is_used_at_once_while_identity_does_not_answer(verifier, signer, hung):
    for _ in range(30):  # each token is seen for the first time
        verifier.verify(sign(signer))
    assert hung.asked.wait(patience(30))
    assert not hung.let.is_set()
    assert hung.fetches == 1


def test_the_fetch_in_the_background_replaces_the_keys(verifier, signer, hung, clock):
    old = sign(signer)
    verifier.verify(old)
    assert hung.asked.wait(patience(30))
    running = verifier._keys._running
    hung.jwks = Signer(generate_private_key(), clock=clock).jwks()
    hung.let.set()
    assert running.done.wait(patience(30))
    with pytest.raises(Unauthenticated):
        verifier.verify(old)


def test_callers_with_an_unknown_key_share_one_fetch_and_only_a_few_wait(verifier, signer, hung, clock):
    successor = Signer(generate_private_key(), public_pem(PRIVATE_KEY), clock=clock)
    hung.jwks = successor.jwks()
    ended, outcomes = threading.Semaphore(0), []

    def call():
        try:
            outcomes.append(verifier.verify(sign(successor)).user_id)
        except Unavailable as error:
            outcomes.append(error.slug)
        ended.release()

    callers = [threading.Thread(target=call) for _ in range(MAX_WAITING + 3)]
    for caller in callers:
        caller.start()
    for _ in range(3):
        assert ended.acquire(timeout=30)
    assert outcomes == ["unavailable"] * 3
    hung.let.set()
    for caller in callers:
        caller.join(30)
    assert outcomes[3:] == [USER] * MAX_WAITING
    assert hung.fetches == 1


def test_a_fetch_that_never_ends_does_not_stop_the_next_one(verifier, signer, hung, clock, monkeypatch):
    verifier.verify(sign(signer))
    assert hung.asked.wait(patience(30))
    monkeypatch.setattr("shared.platform.rpc.keys.STUCK_AFTER", -1.0)
    verifier.verify(sign(signer))
    hung.let.set()
    assert verifier.refresh_keys()
    assert hung.fetches >= 2


def test_an_answer_without_any_key_is_not_believed(verifier, signer, keys, clock):
    verifier.verify(sign(signer))
    keys.jwks = {"keys": []}
    clock.now += KEYS_LIFETIME + 1
    assert not verifier.refresh_keys()
    verifier.verify(sign(signer))


def test_a_token_of_the_form_before_is_understood(verifier, signer, clock):
    caller = verifier.verify(
        forge(
            signer,
            clock,
            roles=["coordinator"],
            permissions={"report:read": True, "alert:issue": [str(REGION)]},
        )
    )
    assert caller.roles == {"coordinator"}
    assert caller.permissions == {"report:read": None, "alert:issue": frozenset({REGION})}


def regional(permissions, regions):
    return {name: regions if name.partition(":")[0] in REGIONAL_THINGS else None for name in permissions}


@pytest.mark.parametrize("roles_of_region", [1, 100])
def test_the_token_of_a_coordinator_in_a_hundred_regions_is_small(verifier, signer, roles_of_region):
    regions = frozenset(UUID(bytes=uuid7().bytes) for _ in range(100))
    grants = regional(DEFAULT_ROLES["coordinator"].permissions, regions)
    roles = {f"coordinator-us-fl-{n * 37 % 1000:03}": 1 + n % 3 for n in range(roles_of_region)}
    token = signer.sign(USER, SESSION, roles, grants, version=12)
    caller = verifier.verify(token)
    assert caller.permissions == grants
    assert caller.roles == set(roles)
    assert len(token) < 4096


@pytest.mark.parametrize("seed", range(20))
def test_what_was_packed_comes_back(verifier, signer, seed):
    chance = random.Random(seed)
    regions = [uuid4() for _ in range(chance.randrange(30))]
    grants = {
        name: None
        if chance.random() < 0.2
        else frozenset(chance.sample(regions, chance.randrange(len(regions) + 1)))
        for name in chance.sample(sorted(PERMISSIONS), chance.randrange(len(PERMISSIONS)))
    }
    caller = verifier.verify(signer.sign(USER, SESSION, {"a": 1, "b": 2}, grants, version=1))
    assert caller.permissions == grants


def test_only_so_many_tokens_are_remembered(verifier, signer):
    for _ in range(REMEMBERED_TOKENS + 5):
        verifier.verify(sign(signer))
    assert len(verifier._verified) == REMEMBERED_TOKENS


def test_keys_of_other_kinds_are_left_out(signer, clock):
    keys = [{"kty": "EC", "kid": "1"}, {"kty": "oct", "k": "AA", "kid": "2"}, *signer.jwks()["keys"]]
    TokenVerifier(lambda: {"keys": keys}, clock=clock).verify(sign(signer))


def test_a_key_id_is_the_thumbprint_of_rfc_8037():
    # Appendix A.1 to A.3 of RFC 8037.
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    [key] = Signer(pem(Ed25519PrivateKey.from_private_bytes(seed))).jwks()["keys"]
    assert key["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert key["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def test_a_pem_on_one_line_is_read():
    assert Signer(PRIVATE_KEY.replace("\n", "\\n")).jwks() == Signer(PRIVATE_KEY).jwks()


def test_a_public_key_set_holds_nothing_private(signer):
    assert all("d" not in key for key in signer.jwks()["keys"])


@pytest.mark.parametrize(
    ("private", "previous"),
    [
        ("", ""),
        ("not a key", ""),
        (PRIVATE_KEY, "not a key"),
        (PRIVATE_KEY, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        (pem(generate_elliptic_key(SECP256R1())), ""),
    ],
)
def test_a_key_that_cannot_be_used_is_named(private, previous):
    with pytest.raises(KeyFault, match="IMPACTX_JWT"):
        Signer(private, previous)


def test_refresh_tokens_do_not_repeat_and_only_their_digest_is_kept(signer):
    first, second = new_refresh_token(), new_refresh_token()
    assert first != second
    assert len(base64.urlsafe_b64decode(first + "=")) == 32
    assert len(token_digest(first)) == 32


def test_the_successor_of_a_refresh_token_needs_the_private_key(signer):
    token = new_refresh_token()
    assert signer.successor(token) == Signer(PRIVATE_KEY).successor(token)
    assert signer.successor(token) != Signer(generate_private_key()).successor(token)
    assert signer.successor(token) != token
