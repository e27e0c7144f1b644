"""Sends good and bad messages with the partner of partners/python, and prints a line of JSON about each answer. For the tests.

  python drive.py PARTNER_FOLDER DEMO_FOLDER https://localhost:8443/server/rest

The bad ones are what jwcrypto itself can write; those that no library writes are in drive.mjs.
"""

import json
import sys
import time

folder, demo, base = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, folder)

from jwcrypto.jwe import JWE  # noqa: E402
from jwcrypto.jwk import JWK  # noqa: E402
from jwcrypto.jws import JWS  # noqa: E402
from partner import ENC, KNOWN, Partner  # noqa: E402

ORDER = b'{"amount":"10.00"}'


def tell(name, status, body, media_type):
    shown = {"case": name, "status": status, "type": media_type if body else None, "body": body.decode("latin-1")}
    print(json.dumps(shown), flush=True)


def good(service, partner):
    def call(name, method, operation, body=b"", media_type="application/json"):
        tell(f"{service}/{name}", *partner.call(method, f"{base}/{service}/{operation}", body, media_type))

    call("json", "POST", "copy", ORDER)
    call("json with its own type", "POST", "copy", ORDER, "application/order+json")
    call("xml", "POST", "copy", "<deed>é</deed>".encode(), "application/xml")
    call("every byte", "POST", "copy", bytes(range(256)), "application/octet-stream")
    call("no body", "POST", "copy")
    call("get", "GET", "status")

    # What the partner itself makes of answers that are not for it, not of now, or changed on the way.
    url = f"{base}/{service}/copy"
    claims = partner.claims("POST", url)
    _, answer, _ = partner.send("POST", url, partner.seal(claims, ORDER))

    def refused(name, message=answer.decode(), jti=claims["jti"], days=0):
        clock = time.time
        time.time = lambda: clock() + days * 86400
        try:
            partner.open(message, jti)
            what = "accepted"
        except Exception as error:  # whichever it is
            what = str(error) if str(error).startswith("the answer") else "refused by the library"
        time.time = clock
        tell(f"{service}/{name}", 0, what.encode(), None)

    refused("the answer to another", jti="another")
    refused("an old answer", days=1)
    refused("an answer of tomorrow", days=-1)
    refused("a changed answer", message=flip(answer.decode(), 3))
    refused("the same answer")


def bad(service, partner):
    url = f"{base}/{service}/copy"
    mine = next(key for key in partner.own if key["use"] == "sig")
    theirs = next(key for key in partner.bank if key["use"] == "enc")
    rsa = mine["kty"] == "RSA"
    raw = partner.format == "raw"
    enc = ENC[theirs["alg"]]
    now = int(time.time())

    def other(like, **members):
        made = JWK.generate(kty="RSA", size=2048) if rsa else JWK.generate(kty="EC", crv="P-256")
        return JWK(**{**made.export(as_dict=True), "kid": like["kid"], "use": like["use"], "alg": like["alg"], **members})

    def inner(changes=None, header=None, key=mine, alg=None):
        """A JWS, with changes to its claims and to its header."""
        claims = {**partner.claims("POST", url), **(changes or {})}
        protected = {"alg": alg or mine["alg"], "kid": mine["kid"]}
        if raw:
            payload, protected = ORDER, {**protected, **claims, "crit": list(claims)}
        else:
            payload = f'{json.dumps(claims)[:-1]},"body":{ORDER.decode()}}}'.encode()
        protected.update(header or {})
        jws = JWS(payload, header_registry=KNOWN)
        jws.allowed_algs = ["RS256", "RS384", "PS256", "ES256", "HS256", "none"]
        jws.add_signature(key, protected=json.dumps(protected))
        return jws.serialize(compact=True)

    def outer(jws, key=theirs, **header):
        """A JWE, with changes to its header."""
        protected = {"alg": theirs["alg"], "enc": enc, "kid": theirs["kid"], "cty": "jose" if raw else "JWT", **header}
        algs = [protected["alg"], protected["enc"]]
        return JWE(jws, protected=json.dumps(protected), recipient=key, algs=algs).serialize(compact=True)

    def without(key, *members):
        return JWK(**{name: value for name, value in key.export(as_dict=True).items() if name not in members})

    def send(name, message):
        tell(f"{service}/{name}", *partner.send("POST", url, message))

    message = outer(inner())
    status, _, media_type = partner.send("POST", url, message)
    tell(f"{service}/by hand", status, b"", media_type)
    send("replay", message)
    send("expired", outer(inner({"iat": now - 400, "exp": now - 301})))
    send("future", outer(inner({"iat": now + 400, "exp": now + 460})))
    send("long life", outer(inner({"exp": now + 400})))
    send("other path", outer(inner({"htu": f"/server/rest/{service}/order"})))
    send("other method", outer(inner({"htm": "PUT"})))
    send("wrong key", outer(inner(key=other(mine))))
    send("rs/hs confusion", outer(inner(key=secret(mine), alg="HS256")))
    stranger = other(mine)
    send("embedded jwk", outer(inner(header={"jwk": stranger.export_public(as_dict=True)}, key=stranger)))
    send("other content", outer(inner(), enc="A192GCM"))
    send("dir", outer(inner(), key=JWK.generate(kty="oct", size=256), alg="dir", enc="A256GCM"))
    send("PBES2", outer(inner(), key=JWK.from_password("secret"), alg="PBES2-HS256+A128KW"))
    send("zip", outer(inner(), zip="DEF"))
    send("bomb", outer(b"\0" * 10_000_000, zip="DEF"))
    send("another recipient", outer(inner(), key=other(theirs)))
    send("not signed", outer(json.dumps({**partner.claims("POST", url), "body": {}}).encode()))
    send("only signed", inner())
    send("in the clear", ORDER)
    for segment in range(5):
        send(f"flip in segment {segment}", flip(message, segment))
    if rsa:
        free = without(mine, "alg")
        send("other alg", outer(inner(key=free, alg="RS384")))
        send("PS256 where RS256 is agreed", outer(inner(key=free, alg="PS256")))
        free = without(theirs, "alg")
        send("RSA1_5", outer(inner(), key=free, alg="RSA1_5"))
        send("RSA-OAEP", outer(inner(), key=free, alg="RSA-OAEP"))
    else:
        free = without(theirs, "alg")
        send("ECDH-ES", outer(inner(), key=free, alg="ECDH-ES"))
        send("ECDH-ES+A128KW", outer(inner(), key=free, alg="ECDH-ES+A128KW"))


def flip(message, segment):
    segments = message.split(".")
    text = segments[segment]
    middle = len(text) // 2
    segments[segment] = text[:middle] + ("B" if text[middle] == "A" else "A") + text[middle + 1 :]
    return ".".join(segments)


def secret(key):
    """A public key as if it were a secret: what confuses verifiers that let the message choose the algorithm."""
    return JWK.from_password(key.export_to_pem().decode())


partners = {
    "payments": Partner(f"{demo}/acme", "jwt"),
    "documents": Partner(f"{demo}/acme", "raw"),
    "trades": Partner(f"{demo}/acme-ec", "raw"),
}
for service, partner in partners.items():
    good(service, partner)
    bad(service, partner)
tell("accounts/statement", *partners["payments"].call("GET", f"{base}/accounts/statement"))
