"""Only what Twilio signed comes in, however ports, tokens, proxies and odd bytes vary."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256
from urllib.parse import parse_qs, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ivr.telephony.forms import Form
from ivr.telephony.signature import Verifier

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TOKEN = "12345"
PATH = "/myapp.php?foo=1&bar=2"
CALL = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
CALL_SIGNED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_PATH = PATH + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNED = "a9nBmqA0ju/hNViExpshrM61xv4="


def test_a_form_signed_for_our_url_is_let_in() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])

    assert verifier.accepts(PATH, CALL, CALL_SIGNED, None, FORM)


def test_the_form_already_parsed_will_do() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])

    assert verifier.accepts(PATH, Form.parse(CALL, b"foo=1&bar=2"), CALL_SIGNED, None, FORM)


def test_a_repeated_field_counts_each_value_once_and_in_order() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])
    body = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=5678"

    assert verifier.accepts(PATH, body, "IK+Dwps556ElfBT0I3Rgjkr1wJU=", None, FORM)


@pytest.mark.parametrize(
    ("public_url", "signature"),
    [
        ("https://mycompany.com:1234", CALL_SIGNED),
        ("http://mycompany.com:1234", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ("https://mycompany.com", "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http://mycompany.com", "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("https://ivr:secret@mycompany.com", CALL_SIGNED),
    ],
    ids=["https port left out", "http port kept", "https with 443", "http with 80", "user left out"],
)
def test_a_port_more_or_less_does_not_matter(public_url: str, signature: str) -> None:
    assert Verifier(public_url, [TOKEN]).accepts(PATH, CALL, signature, None, FORM)


def test_a_json_body_is_covered_by_the_hash_in_the_url() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])

    assert verifier.accepts(JSON_PATH, JSON_BODY, JSON_SIGNED, None, JSON)
    assert not verifier.accepts(JSON_PATH, JSON_BODY + b" ", JSON_SIGNED, None, JSON)
    assert not verifier.accepts(PATH, JSON_BODY, CALL_SIGNED, None, JSON)


def test_a_get_is_signed_over_its_url_alone() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])
    signature = RequestValidator(TOKEN).compute_signature("https://mycompany.com" + PATH, {})

    assert verifier.accepts(PATH, b"", signature)


def test_while_a_token_is_rotated_the_old_and_the_new_one_do() -> None:
    rotating = Verifier("https://mycompany.com", ["new", TOKEN])

    assert rotating.accepts(PATH, CALL, CALL_SIGNED, None, FORM)
    assert not Verifier("https://mycompany.com", ["new"]).accepts(PATH, CALL, CALL_SIGNED, None, FORM)


def test_without_any_secret_nobody_comes_in() -> None:
    assert not Verifier("https://mycompany.com", []).accepts(PATH, CALL, CALL_SIGNED, None, FORM)


class TestSharedKeys:
    """Twilio may sign with a key of ours, named in a header."""

    verifier = Verifier("https://mycompany.com", [TOKEN], {"key_1": "shared secret"})

    def signed(self, secret: str, algorithm: str) -> str:
        fields = {name: values[0] for name, values in parse_qs(CALL.decode()).items()}
        signature: str = RequestValidator(secret).compute_signature("https://mycompany.com" + PATH, fields, algorithm)
        return signature

    @pytest.mark.parametrize("algorithm", ["HMAC_SHA256", "HMAC_SHA1"])
    def test_the_key_and_algorithm_named_in_the_header_are_used(self, algorithm: str) -> None:
        signature = self.signed("shared secret", algorithm)
        settings = f"key=key_1,algorithm={algorithm}"

        assert self.verifier.accepts(PATH, CALL, signature, settings, FORM)
        assert not self.verifier.accepts(PATH, CALL, signature, None, FORM)

    def test_without_an_algorithm_it_is_sha1(self) -> None:
        signature = self.signed("shared secret", "HMAC_SHA1")

        assert self.verifier.accepts(PATH, CALL, signature, "key=key_1", FORM)
        assert self.verifier.accepts(PATH, CALL, signature, "key=key_1,algorithm=", FORM)

    def test_without_a_key_it_is_the_auth_token(self) -> None:
        signature = self.signed(TOKEN, "HMAC_SHA256")

        assert self.verifier.accepts(PATH, CALL, signature, "algorithm=HMAC_SHA256", FORM)

    @pytest.mark.parametrize(
        "settings",
        [
            "key=key_2,algorithm=HMAC_SHA1",
            "key=,algorithm=HMAC_SHA1",
            "key=key_1,algorithm=HMAC_MD5",
            "key=key_1,algorithm=none",
            "key=key_1",
        ],
    )
    def test_the_header_chooses_only_among_secrets_we_have(self, settings: str) -> None:
        assert not self.verifier.accepts(PATH, CALL, CALL_SIGNED, settings, FORM)


def test_a_proxy_may_keep_or_drop_the_path_of_our_public_url() -> None:
    verifier = Verifier("https://mycompany.com/phone/", [TOKEN])
    body = b"Digits=1"
    signature = RequestValidator(TOKEN).compute_signature("https://mycompany.com/phone/voice/x", {"Digits": "1"})

    assert verifier.accepts("/voice/x", body, signature, None, FORM)
    assert verifier.accepts("/phone/voice/x", body, signature, None, FORM)
    assert not verifier.accepts("/phonebook/voice/x", body, signature, None, FORM)


def test_bytes_that_are_no_utf8_are_signed_as_they_came() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])
    body = b"CallerName=Jos%E9+%26+Mar%EDa&Raw=\xff\xfe"
    signed = b"https://mycompany.com/voice" + b"CallerNameJos\xe9 & Mar\xeda" + b"Raw\xff\xfe"
    signature = b64encode(hmac.digest(TOKEN.encode(), signed, "sha1")).decode()

    assert verifier.accepts("/voice", body, signature, None, FORM)


@pytest.mark.parametrize("signature", [None, "", "x", "é" * 28, "\udcff", CALL_SIGNED[:-1], CALL_SIGNED + " "])
def test_a_missing_or_mangled_signature_is_no_signature(signature: str | None) -> None:
    assert not Verifier("https://mycompany.com", [TOKEN]).accepts(PATH, CALL, signature, None, FORM)


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "multipart/form-data; boundary=x"])
def test_a_body_of_another_kind_is_not_covered_by_a_forms_signature(content_type: str | None) -> None:
    assert not Verifier("https://mycompany.com", [TOKEN]).accepts(PATH, CALL, CALL_SIGNED, None, content_type)


def test_a_charset_behind_the_content_type_does_not_matter() -> None:
    verifier = Verifier("https://mycompany.com", [TOKEN])

    assert verifier.accepts(PATH, CALL, CALL_SIGNED, None, "Application/X-WWW-Form-Urlencoded; charset=utf-8")


@pytest.mark.parametrize("changed", [CALL + b"&Digits=1", CALL[:-1], CALL.replace(b"1234&", b"1235&"), b""])
def test_a_changed_body_is_turned_away(changed: bytes) -> None:
    assert not Verifier("https://mycompany.com", [TOKEN]).accepts(PATH, changed, CALL_SIGNED, None, FORM)


names_and_values = st.lists(
    st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))
)
origins = st.sampled_from(
    ["https://rx.example", "http://rx.example", "https://rx.example:8443", "http://127.0.0.1:8000"]
)
paths = st.sampled_from(["/voice/incoming", "/voice/a/7/next", "/voice/status?x=%2B1&y=a+b", "/%7Eme/?q=%C3%A9"])


class Repeated(dict[str, list[str]]):
    """Fields as web frameworks hand them to the SDK."""

    def getall(self, name: str) -> list[str]:
        return self[name]


def repeated(pairs: list[tuple[str, str]]) -> Repeated:
    fields = Repeated()
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


@given(origins, paths, names_and_values)
def test_whatever_twilios_sdk_signs_is_let_in(origin: str, path: str, pairs: list[tuple[str, str]]) -> None:
    signature = RequestValidator(TOKEN).compute_signature(origin + path, repeated(pairs))

    assert Verifier(origin, [TOKEN]).accepts(path, urlencode(pairs).encode(), signature, None, FORM)


@given(origins, paths, names_and_values, st.binary(max_size=60))
def test_we_let_in_what_the_sdk_does_and_nothing_else(
    origin: str, path: str, pairs: list[tuple[str, str]], tail: bytes
) -> None:
    signature = RequestValidator(TOKEN).compute_signature(origin + path, repeated(pairs))
    body = urlencode([*pairs, ("Tail", tail)], quote_via=quote_plus).encode()

    assert not Verifier(origin, [TOKEN]).accepts(path, body, signature, None, FORM)


@given(st.text(), st.binary(), st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_nothing_anybody_sends_makes_it_raise(
    path: str, body: bytes, signature: str | None, settings: str | None, content_type: str | None
) -> None:
    verifier = Verifier("https://mycompany.com/x", [TOKEN], {"key_1": "shared"})

    assert not verifier.accepts(path, body, signature, settings, content_type)
    assert not verifier.accepts(path, body, signature, settings, FORM)


@given(st.binary(min_size=1))
def test_any_hashed_body_is_let_in_unchanged(body: bytes) -> None:
    path = f"/voice/events?bodySHA256={sha256(body).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature("https://rx.example" + path, {})
    verifier = Verifier("https://rx.example", [TOKEN])

    assert verifier.accepts(path, body, signature, None, JSON)
    assert not verifier.accepts(path, body + b"!", signature, None, JSON)
