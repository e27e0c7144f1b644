"""Writes jwcrypto.json into the folder given: tokens made with PyPI `jwcrypto`, and the public halves of the keys that signed
them. The private halves are gone when the script ends."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from jwcrypto import jwk, jwt

CLAIMS = {
    "iss": "https://issuer.example",
    "aud": ["https://billing.example", "https://orders.example"],
    "sub": "alice",
    "roles": ["clerk"],
    "scope": "orders.read orders.write",
    "iat": 1_760_000_000,
    "exp": 4_102_444_800,
}
KINDS = {
    "RS256": {"kty": "RSA", "size": 2048},
    "RS384": {"kty": "RSA", "size": 2048},
    "RS512": {"kty": "RSA", "size": 4096},
    "PS256": {"kty": "RSA", "size": 2048},
    "PS384": {"kty": "RSA", "size": 2048},
    "PS512": {"kty": "RSA", "size": 2048},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}


def sign(key, header, claims):
    token = jwt.JWT(header=header, claims=claims)
    token.make_signed_token(key)
    return token.serialize()


keys, tokens = [], []
for alg, kind in KINDS.items():
    key = jwk.JWK.generate(kid=alg, **kind)
    other = jwk.JWK.generate(kid=alg, **kind)
    keys.append(key.export_public(as_dict=True))
    header = {"alg": alg, "kid": alg}
    for good in [header, {**header, "typ": "application/at+jwt"}]:
        tokens.append({"alg": alg, "accepted": True, "token": sign(key, good, CLAIMS)})
    refused = {
        "audience": sign(key, header, {**CLAIMS, "aud": "https://billing.example"}),
        "issuer": sign(key, header, {**CLAIMS, "iss": "https://issuer.example/"}),
        "expired": sign(key, header, {**CLAIMS, "exp": 1_760_000_300}),
        "no end": sign(key, header, {name: value for name, value in CLAIMS.items() if name != "exp"}),
        "not yet valid": sign(key, header, {**CLAIMS, "nbf": 4_102_444_000}),
        "type": sign(key, {**header, "typ": "secevent+jwt"}, CLAIMS),
        "another key": sign(other, header, CLAIMS),
    }
    tokens += [{"alg": alg, "accepted": False, "why": why, "token": token} for why, token in refused.items()]
keys.append(jwk.JWK.generate(kty="oct", size=256, kid="symmetric").export(as_dict=True, private_key=True) | {"k": "AA"})

written = {"library": f"PyPI jwcrypto {version('jwcrypto')}", "keys": keys, "tokens": tokens}
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
(folder / "jwcrypto.json").write_text(json.dumps(written, indent=1) + "\n")
