"""Writes jwcrypto.json into this folder: whole messages made with PyPI `jwcrypto`, as a partner would make them.

    pip install jwcrypto
    python make.py

The keys are ../interop/keys.json: TEST KEYS, public to everybody. Never use them for anything else.
"""

import base64
import json
from importlib.metadata import version
from pathlib import Path

from jwcrypto import jwe, jwk, jws

here = Path(__file__).parent
keys = {
    kid: jwk.JWK(**key)
    for kid, key in json.loads((here / "../interop/keys.json").read_text()).items()
    if isinstance(key, dict)
}
cases = json.loads((here / "cases.json").read_text())["cases"]
algorithms = {"rsa": ("RS256", "RSA-OAEP-256"), "p256": ("ES256", "ECDH-ES+A256KW")}


def sign(kid, payload, header):
    alg = algorithms[kid][0]
    message = jws.JWS(payload)
    message.add_signature(keys[kid], alg, json.dumps({"alg": alg, "kid": kid, **header}))
    return message.serialize(compact=True)


def encrypt(kid, payload, header):
    alg = algorithms[kid][1]
    header = {"alg": alg, "enc": "A128CBC-HS256", "kid": kid, **header}
    message = jwe.JWE(payload, json.dumps(header))
    message.add_recipient(keys[kid])
    return message.serialize(compact=True)


def jwt(claims, content_type, body):
    """`jwt`: the body stands in the claims set; JSON as it is written, anything else as base64url with its type."""
    if not body:
        return json.dumps(claims)
    if content_type == "application/json":
        return json.dumps(claims)[:-1] + ', "body": ' + body + "}"
    encoded = base64.urlsafe_b64encode(body.encode()).rstrip(b"=").decode()
    return json.dumps({**claims, "cty": content_type, "body": encoded})


def write(case):
    claims, content_type = case["claims"], case["content-type"]
    if case["format"] == "jwt":
        payload, header = jwt(claims, content_type, case["body"]), {}
    else:
        # The claims are header parameters. This library cannot list names of others in `crit`, and need not.
        payload, header = case["body"], {**({"cty": content_type} if content_type else {}), **claims}
    if case["signed-by"]:
        payload = sign(case["signed-by"], payload.encode(), header)
        header = {"cty": "JWT" if case["format"] == "jwt" else "jose"}
    return encrypt(case["encrypted-to"], payload.encode(), header) if case["encrypted-to"] else payload


made = {
    "library": f"PyPI jwcrypto {version('jwcrypto')}",
    "messages": {case["name"]: write(case) for case in cases},
}
(here / "jwcrypto.json").write_text(json.dumps(made, indent=1) + "\n")
