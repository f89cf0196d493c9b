"""Writes the frozen vectors beside this file: ``python -m tests.vectors.make`` (``make vectors``).

Everything comes from entropy that anybody can draw again (``Drawn``), but HPKE's encapsulations, which are random:
those verify by being opened. Run again, this changes only wraps and what is signed over them; a change of anything
else is a change of the protocol, and the test beside it fails until the change is meant.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from broker.bus.subjects import OutSubject, partition_of
from broker.crypto.check import check_envelope, view_for
from broker.crypto.derive import (
    BUCKETS,
    SLIP_BUCKET,
    context_hash,
    derive,
    header_hash,
    openings_info,
    pad,
    part_aad,
    wrap_info,
)
from broker.crypto.grants import grant_part, order_hash, sign_grant
from broker.crypto.keys import KemKey, SigningKey
from broker.crypto.open import open_view
from broker.crypto.seal import Sealed, countersign
from broker.crypto.signing import sign
from broker.crypto.slips import new_slip_key, seal_slip
from broker.crypto.tokens import IdentifierKind, KeyedTokens
from schemas import canonical
from schemas.audit import AuditEntry, EntryKind
from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.control import Action, ActionKind, Note, NoticeSent, Receipt, Receipts, Resend, frame
from schemas.envelope import Opening, SealedOpenings, View
from schemas.orders import Grant, Order, OrderKind, Refusal
from schemas.slip import BoardSlip
from schemas.wire import PROTOCOL_VERSION, Field, InKind, Lane, OutKind, ReceiptKind
from tests.support.sealing import AUTHOR, BOARD, CAST, EVENT, Drawn, a_draft, keys_of, sealed, some_facts

FOLDER: Final = Path(__file__).parent
FRONT: Final = "m-frontaaaaa"
NEWCOMER: Final = "m-newcomeraa"
TAKEN: Final = 1_772_443_801_000
TOKEN_SECRET: Final = bytes(range(32))
ORDER_ID: Final = bytes.fromhex("0f" * 16)


def main() -> None:
    """Write every file."""
    for name, content in everything().items():
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
        (FOLDER / f"{name}.json").write_text(text + "\n")


def everything() -> dict[str, Any]:
    """The content of each file by its name, bytes as hex."""
    return {
        "keys": _keys(),
        "canonical": _canonical(),
        "padding": _padding(),
        "tokens": _tokens(),
        "event": _event(router=False),
        "event-sensitive": _event(router=True),
        "history": _history(),
        "control": _control(),
        "slips": _slips(),
    }


def _keys() -> dict[str, Any]:
    def pair(key: SigningKey | KemKey) -> dict[str, Any]:
        kind = "ed25519" if isinstance(key, SigningKey) else key.kem.name.lower()
        return {
            "algorithm": kind,
            "private": key.secret().hex(),
            "public": key.public.hex(),
            "key_id": key.key_id,
        }

    names = (
        "author", "author_next", "router_sign", "front_sign", "router", "front", "school", "police", "newcomer",
        "board",
    )  # fmt: skip
    return {name: pair(getattr(CAST, name)) for name in names}


def _canonical() -> dict[str, Any]:
    values: tuple[Any, ...] = (
        0, 23, 24, 255, 256, 65535, 65536, 2**32, 2**63, -1, -24, -25, "", "Ärger", False, True, None,
        [], [1, [2, [3]]], {}, {1: "a", 24: "b", 256: "c"}, {"b": 1, "aa": 2},
    )  # fmt: skip
    refused = {
        "bytes after the end": "0000", "23 in two bytes": "1817", "an indefinite array": "9f00ff",
        "a half float": "f93c00", "a tag": "c11a00000000", "undefined": "f7", "a key twice": "a2616100616101",
        "keys that descend": "a2616200616100", "keys of two types": "a20000616100", "a negative key": "a12000",
        "text that is no UTF-8": "62c328", "bytes cut short": "4261", "thirteen arrays": "81" * 13 + "00",
    }  # fmt: skip
    return {
        "accepted": [{"value": _shown(value), "bytes": canonical.encode(value).hex()} for value in values],
        "refused": refused,
    }


def _shown(value: Any) -> Any:
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value


def _padding() -> dict[str, Any]:
    lengths = (0, 1, 508, 509, 1020, 65532, 65533, 131068, 131069)
    return {
        "buckets": list(BUCKETS),
        "slip_bucket": SLIP_BUCKET,
        "sizes": [{"plaintext": length, "padded": len(pad(bytes(length)))} for length in lengths],
        "example": {"plaintext": b"abc".hex(), "padded": pad(b"abc").hex()},
    }


def _tokens() -> dict[str, Any]:
    tokens = KeyedTokens(TOKEN_SECRET, 1)
    examples = (
        (IdentifierKind.NHS_NUMBER, "9990000018"),
        (IdentifierKind.UPN, "A999000000001"),
        (IdentifierKind.UNBORN, "9990000018 preg-1"),
        (IdentifierKind.UNBORN, "9990000018 preg-1\x1f2"),
    )
    made = [(kind, value, tokens.token_now(kind, value)) for kind, value in examples]
    return {
        "secret": TOKEN_SECRET.hex(),
        "tokens": [
            {
                "epoch": token.epoch,
                "kind": kind.value,
                "identifier": value,
                "token": token.value.hex(),
                "partition": partition_of((token,), AUTHOR),
            }
            for kind, value, token in made
        ],
        "matter": {
            "member": AUTHOR,
            "reference": "plan-1",
            "value": tokens.matter_ref(AUTHOR, "plan-1").hex(),
        },
        "partition_without_token": {"author": AUTHOR, "partition": partition_of((), AUTHOR)},
    }


def _event(*, router: bool) -> dict[str, Any]:
    event = sealed(
        router=CAST.router.as_public if router else None,
        entropy=Drawn("handrail vectors event"),
    )
    checked = check_envelope(event.envelope, CAST.public_of, keys_of(CAST.router))
    of_header = header_hash(event.manifest.header)
    subject = OutSubject(AUTHOR, Lane.URGENT, partition_of(some_facts().tokens, AUTHOR))
    found = {
        "subject": str(subject),
        "header": event.manifest.header.to_bytes().hex(),
        "header_hash": of_header.hex(),
        "openings": [_opening(one) for one in checked.openings],
        "parts": [_part(event, index) for index in range(len(event.manifest.parts))],
        "slips": [{"board": board, "slip": slip.hex()} for board, slip in event.envelope.slips],
        "manifest": event.manifest.to_bytes().hex(),
        "manifest_hash": event.manifest_hash.hex(),
        "signed": event.envelope.signed.hex(),
        "frame": frame(PROTOCOL_VERSION, int(OutKind.EVENT), event.envelope.to_bytes()).hex(),
        "countersignature": (countersign(event.envelope, CAST.author_next).countersigned or b"").hex(),
        "views": {
            name: view_for(checked, {key.key_id}, set() if router else {Field.ACTING_AREA, Field.TO})
            .to_bytes()
            .hex()
            for name, key in (("front", CAST.front), ("school", CAST.school), ("police", CAST.police))
        },
    }
    if isinstance(event.envelope.openings, SealedOpenings):
        found["openings_info"] = openings_info(CAST.router.key_id, of_header).hex()
        found["openings_sealed"] = event.envelope.openings.sealed.hex()
    return found


def _opening(one: Opening) -> dict[str, Any]:
    return {"field": int(one.field), "salt": one.salt.hex(), "value": one.value.hex()}


def _part(event: Sealed, index: int) -> dict[str, Any]:
    header, summary = event.manifest.header, event.manifest.parts[index]
    of_header = header_hash(header)
    keys = derive(event.part_keys[index], of_header, index, summary.kind)
    context = context_hash(of_header, index, summary)
    carried = event.envelope.parts[index]
    return {
        "kind": int(summary.kind),
        "plaintext": a_draft().parts[index].plaintext.hex(),
        "part_key": event.part_keys[index].hex(),
        "cipher_key": keys.key.hex(),
        "nonce": keys.nonce.hex(),
        "commitment": keys.commitment.hex(),
        "aad": part_aad(of_header, index, summary.kind).hex(),
        "ciphertext": carried.ciphertext.hex(),
        "ciphertext_hash": summary.ciphertext_hash.hex(),
        "context_hash": context.hex(),
        "wraps": [
            {
                "key_id": wrap.key_id,
                "kem": int(wrap.kem),
                "info": wrap_info(wrap.key_id, wrap.kem, context, header.key_id).hex(),
                "sealed": wrap.sealed.hex(),
                "leaf": leaf.hex(),
            }
            for wrap, leaf in zip(carried.wraps, summary.leaves, strict=True)
        ],
    }


def _history() -> dict[str, Any]:
    """An order, the grant that answers it, and the refusal that might have."""
    event = sealed(entropy=Drawn("handrail vectors event"))
    checked = check_envelope(event.envelope, CAST.public_of, {})
    view: View = view_for(checked, {CAST.front.key_id}, set())
    opened = open_view(view, CAST.public_of, keys_of(CAST.front))
    order = Order(
        order_id=ORDER_ID,
        kind=OrderKind.HANDOVER,
        grantor=FRONT,
        reader=NEWCOMER,
        child=bytes.fromhex("c1" * 16),
        handover=bytes.fromhex("4a" * 16),
        evidence=bytes.fromhex("e5" * 16),
        events=((EVENT, event.manifest_hash),),
        issued_ms=TAKEN,
        expires_ms=TAKEN + 86_400_000,
    )
    bound = order_hash(order.to_bytes())
    grant = Grant(
        order_id=ORDER_ID,
        grantor=FRONT,
        reader=NEWCOMER,
        event_id=EVENT,
        sequence=1,
        total=1,
        position=7,
        taken_ms=TAKEN,
        signed=view.signed,
        parts=tuple(
            grant_part(
                opened.manifest,
                part.index,
                part.ciphertext,
                opened.parts[at].key,
                reader=CAST.newcomer.as_public,
                grantor_key=CAST.front_sign.key_id,
                order=bound,
            )
            for at, part in enumerate(view.parts)
        ),
    )
    refusal = Refusal(ORDER_ID, FRONT, "not-released", TAKEN)
    return {
        "order": order.to_bytes().hex(),
        "order_hash": bound.hex(),
        "order_signed": sign(CAST.router_sign, Order.LABEL, order.to_bytes()).hex(),
        "grant_signed": sign_grant(grant, CAST.front_sign).hex(),
        "plaintexts": [part.plaintext.hex() for part in opened.parts],
        "refusal_signed": sign(CAST.front_sign, Refusal.LABEL, refusal.to_bytes()).hex(),
    }


def _control() -> dict[str, Any]:
    """Signed messages without encryption: every byte is the same each time."""
    body = b"any body"
    note = Note(
        reader=FRONT,
        number=8,
        previous=3,
        child=bytes.fromhex("c1" * 16),
        kind=InKind.NOTICE,
        message_id=EVENT,
        author=AUTHOR,
        body_hash=hashlib.sha256(body).digest(),
        taken_ms=TAKEN,
        late=True,
    )
    signed = sign(CAST.router_sign, Note.LABEL, note.to_bytes())
    receipts = Receipts(
        FRONT,
        5,
        (
            Receipt(ReceiptKind.DELIVERED, EVENT, AUTHOR, 8, TAKEN),
            Receipt(ReceiptKind.TAKEN_ON, EVENT, AUTHOR, 8, TAKEN + 1, "team manager"),
        ),
    )
    resend = Resend(FRONT, (4, 5, 9), TAKEN)
    told = NoticeSent(FRONT, EVENT, "acceptance", TAKEN, "team_manager", TAKEN + 1)
    action = Action(ActionKind.ACCEPT, handover=bytes.fromhex("4a" * 16), conference=True)
    entry = AuditEntry(bytes(16), 0, 1, TAKEN, EntryKind.MATTER_OPENED, {"area": "E06000063", "by": AUTHOR})
    return {
        "note": note.to_bytes().hex(),
        "note_signed": signed.hex(),
        "delivery_frame": frame(PROTOCOL_VERSION, signed, int(InKind.NOTICE), body).hex(),
        "receipts_signed": sign(CAST.front_sign, Receipts.LABEL, receipts.to_bytes()).hex(),
        "resend_signed": sign(CAST.front_sign, Resend.LABEL, resend.to_bytes()).hex(),
        "notice_sent_signed": sign(CAST.front_sign, NoticeSent.LABEL, told.to_bytes()).hex(),
        "action": canonical.encode(action.to_value()).hex(),
        "audit_entry": entry.to_bytes().hex(),
    }


def _slips() -> dict[str, Any]:
    own = new_slip_key(AUTHOR, BOARD, CAST.board.as_public, Drawn("handrail vectors slip key"))
    slip = BoardSlip("concern.raised", "safeguarding", "legal_obligation", TAKEN, TAKEN + 1, "CASE-1")
    bands = Bands(AgeBand.FROM_1_TO_4, EthnicGroup.MIXED, Disabled.YES)
    made = seal_slip(
        own.secret,
        own.setup.key_ref,
        author=AUTHOR,
        board=BOARD,
        event_id=EVENT,
        plaintext=slip.to_bytes(),
        entropy=Drawn("handrail vectors slip"),
    )
    return {
        "slip_key": own.secret.hex(),
        "setup": own.setup.to_bytes().hex(),
        "plaintext": slip.to_bytes().hex(),
        "slip": made.hex(),
        "plaintext_with_bands": replace(slip, bands=bands).to_bytes().hex(),
        "author": AUTHOR,
        "board": BOARD,
        "event": EVENT.hex(),
    }


if __name__ == "__main__":
    main()
