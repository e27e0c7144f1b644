"""Writes jwcrypto.json into the folder given: messages made with PyPI `jwcrypto`."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from jwcrypto import jwe, jwk, jws

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
keys = {
    kid: jwk.JWK(**key)
    for kid, key in json.loads((folder / "keys.json").read_text()).items()
    if isinstance(key, dict)
}


def sign(kid, alg, payload, **header):
    message = jws.JWS(payload.encode())
    message.add_signature(keys[kid], alg, json.dumps({"alg": alg, "kid": kid, **header}))
    return message.serialize(compact=True)


def encrypt(kid, alg, enc, payload, **header):
    header = {"alg": alg, "enc": enc, "kid": kid, **header}
    message = jwe.JWE(payload.encode(), json.dumps(header))
    message.add_recipient(keys[kid])
    return message.serialize(compact=True)


payloads = ["", "{}", '{"name":"Zoë","amount":1.50}', "x" * 1000]
signatures = [("rsa", "RS256"), ("rsa", "PS256"), ("p256", "ES256"), ("ed25519", "EdDSA")]
encryptions = [
    (kid, alg, enc)
    for kid, alg in [("rsa", "RSA-OAEP-256"), ("p256", "ECDH-ES+A256KW")]
    for enc in ["A128CBC-HS256", "A256GCM"]
]
messages = []
for payload in payloads:
    for kid, alg in signatures:
        compact = sign(kid, alg, payload, typ="JOSE")
        messages.append({"signature": alg, "signer": kid, "payload": payload, "compact": compact})
    for kid, alg, enc in encryptions:
        compact = encrypt(kid, alg, enc, payload)
        messages.append({"encryption": [alg, enc], "recipient": kid, "payload": payload, "compact": compact})
for signer, alg in signatures:
    for recipient, management, enc in encryptions:
        payload = '{"iat":1700000000,"exp":1700000300,"jti":"1","body":{"amount":1.50}}'
        compact = encrypt(recipient, management, enc, sign(signer, alg, payload), cty="JWT")
        messages.append(
            {
                "signature": alg,
                "signer": signer,
                "encryption": [management, enc],
                "recipient": recipient,
                "payload": payload,
                "compact": compact,
            }
        )
made = {"library": f"PyPI jwcrypto {version('jwcrypto')}", "messages": messages}
(folder / "jwcrypto.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
