"""The only user of cryptography. Signs, seals, opens; holds no policy and does no I/O but key files.

What others call:

* ``keys``: ``SigningKey(seed)``, ``KemKey.generate(kem, entropy)``, ``KemPublic.load(kem, public)``, ``key_id_of``,
  ``check_signing_key``
* ``signing``: ``sign(key, label, payload)``, ``verify(signed, label, public_of) -> Signed``, ``unverified_signer``,
  ``unverified_payload``
* author: ``seal.seal_event(Draft, signer=, router=, entropy=) -> Sealed``, ``seal.countersign``,
  ``slips.new_slip_key`` and ``seal_slip``, ``tokens.KeyedTokens``
* router: ``check.check_envelope(envelope, public_of, routing_keys) -> Checked``, ``check.view_for``
* reader: ``open.open_view(view, public_of, kem_keys) -> Opened``, ``open.open_with_key``, ``vault.Vault``
* front door: ``grants.grant_part``, ``sign_grant``; new reader: ``read_grant``, ``open_grant``
* board: ``slips.open_slip_key``, ``open_slip``
* ``storage``: secrets on disk

``public_of`` is always a function from key id to public signing key, or None where nobody trusted has it; whether
that key was valid at the time is the directory's to say.
"""
