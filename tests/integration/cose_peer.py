"""Runs in the peer's environment: COSE by ``cwt``, an implementation that shares no code with ours.

Reads one JSON request on stdin, answers one JSON object on stdout. Never imported by the tests.
"""

import json
import sys

import cbor2
import cwt  # type: ignore[import-not-found]  # only in the environment of its own

_TAG_SIGN1 = 18


def main() -> None:
    """Verify each given message, and sign the payload under the same headers."""
    asked = json.load(sys.stdin)
    key_id, public, seed = (bytes.fromhex(asked[name]) for name in ("key_id", "public", "seed"))
    okp_ed25519 = {1: 1, 2: key_id, 3: -19, -1: 6, -2: public}
    verifier = cwt.COSEKey.new(okp_ed25519)
    signer = cwt.COSEKey.new({**okp_ed25519, -4: seed})
    cose = cwt.COSE.new()

    def outcome(untagged: str) -> str:
        # The protocol leaves the tag off, because the place says what it is; the peer wants it.
        tagged = cbor2.dumps(cbor2.CBORTag(_TAG_SIGN1, cbor2.loads(bytes.fromhex(untagged))))
        try:
            return bytes(cose.decode(tagged, verifier)).hex()
        except (cwt.VerifyError, cwt.DecodeError, ValueError) as error:
            return f"refused: {type(error).__name__}"

    protected = {1: -19, 4: key_id, 16: asked["label"]}
    made = cose.encode_and_sign(bytes.fromhex(asked["payload"]), signer, protected=protected)
    answer = {
        "outcomes": [outcome(message) for message in asked["messages"]],
        "signed": bytes(cbor2.dumps(cbor2.loads(made).value)).hex(),
    }
    json.dump(answer, sys.stdout)


main()
