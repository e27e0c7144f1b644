"""A partner of the bank: sends signed and encrypted messages, and opens the answers. Python 3.9 or later, and jwcrypto.

  pip install -r requirements.txt
  python partner.py --keys FOLDER --format jwt POST https://bank.example/server/rest/payments/order '{"amount":"10.00"}'

FOLDER has keys.jwks (our private keys), bank.jwks (the bank's public keys), tls.pem (our client certificate with its key) and
ca.pem (who issues the bank's certificate).
"""

import argparse
import http.client
import json
import ssl
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from jwcrypto.common import JWSEHeaderParameter, base64url_decode, base64url_encode
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWKSet
from jwcrypto.jws import JWS

ENC = {"RSA-OAEP-256": "A128CBC-HS256", "ECDH-ES+A256KW": "A256GCM"}  # what is agreed for each kind of key
CLAIMS = ["iat", "exp", "jti", "htm", "htu", "in-reply-to"]
KNOWN = {name: JWSEHeaderParameter(name, True, True, None) for name in CLAIMS}
LIFE, SKEW = 60, 300  # seconds


class Partner:
    def __init__(self, folder, format="jwt"):
        folder = Path(folder)
        self.format = format
        self.own = list(JWKSet.from_json((folder / "keys.jwks").read_text()))
        self.bank = list(JWKSet.from_json((folder / "bank.jwks").read_text()))
        self.tls = ssl.create_default_context(cafile=folder / "ca.pem")
        self.tls.load_cert_chain(folder / "tls.pem")
        self.connection = None

    def claims(self, method, url):
        """What the message says about itself: when it was made, its name, and the request it is made for."""
        now = int(time.time())
        path = urlsplit(url).path
        return {"iat": now, "exp": now + LIFE, "jti": str(uuid.uuid4()), "htm": method, "htu": path}

    def seal(self, claims, body=b"", type="application/json"):
        """Signs, then encrypts."""
        cty = {"cty": type} if body else {}
        if self.format == "raw":
            return self.encrypt(self.sign(body, {**claims, **cty, "crit": list(claims)}), "jose")
        is_json = type == "application/json"
        text = json.dumps(claims if is_json else {**claims, **cty})
        if body:
            text = f'{text[:-1]},"body":{body.decode() if is_json else json.dumps(base64url_encode(body))}}}'
        return self.encrypt(self.sign(text.encode(), {}), "JWT")

    def sign(self, payload, header):
        key = next(key for key in self.own if key["use"] == "sig")
        jws = JWS(payload, header_registry=KNOWN)
        jws.add_signature(key, protected=json.dumps({"alg": key["alg"], "kid": key["kid"], **header}))
        return jws.serialize(compact=True)

    def encrypt(self, jws, cty):
        key = next(key for key in self.bank if key["use"] == "enc")
        header = {"alg": key["alg"], "enc": ENC[key["alg"]], "kid": key["kid"], "cty": cty}
        return JWE(jws, protected=json.dumps(header), recipient=key).serialize(compact=True)

    def open(self, message, jti):
        """Decrypts, verifies, and checks that this answers our request, now."""
        jwe = JWE(algs=[*ENC.keys(), *ENC.values()])
        jwe.deserialize(message)
        jwe.decrypt(named(self.own, "enc", jwe.jose_header))
        jws = JWS(header_registry=KNOWN)
        jws.deserialize(jwe.payload.decode())
        key = named(self.bank, "sig", jws.jose_header)
        jws.verify(key, alg=key["alg"])
        claims = jws.jose_header if self.format == "raw" else json.loads(jws.payload)
        if claims.get("in-reply-to") != jti:
            raise ValueError("the answer is to another request")
        if not claims["iat"] - SKEW <= time.time() <= claims["exp"] + SKEW:
            raise ValueError("the answer is not of now")
        if self.format == "raw":
            return jws.payload, claims.get("cty")
        if "cty" in claims and isinstance(claims.get("body"), str):
            return base64url_decode(claims["body"]), claims["cty"]
        body = json.dumps(claims["body"]).encode() if "body" in claims else b""
        return body, claims.get("cty", "application/json")

    def send(self, method, url, message, type="application/jose"):
        if not self.connection:
            self.connection = http.client.HTTPSConnection(urlsplit(url).netloc, context=self.tls)
        self.connection.request(method, urlsplit(url).path, message, {"Content-Type": type})
        response = self.connection.getresponse()
        return response.status, response.read(), response.getheader("Content-Type")

    def call(self, method, url, body=b"", type="application/json"):
        claims = self.claims(method, url)
        status, answer, media_type = self.send(method, url, self.seal(claims, body, type))
        if status == 204 or status >= 400:  # refusals come in the clear
            return status, answer, media_type
        return status, *self.open(answer.decode(), claims["jti"])


def named(keys, use, header):
    return next(key for key in keys if key["kid"] == header.get("kid") and key["use"] == use)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--keys", required=True)
    arguments.add_argument("--format", default="jwt")
    arguments.add_argument("--type", default="application/json")
    arguments.add_argument("method")
    arguments.add_argument("url")
    arguments.add_argument("body", nargs="?", default="")
    given = arguments.parse_args()
    status, body, media_type = Partner(given.keys, given.format).call(given.method, given.url, given.body.encode(), given.type)
    print(status, media_type or "")
    print(body.decode())
