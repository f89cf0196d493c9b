"""``handrail-verify``: is this export of a board what the log holds? Needs Python and ``cryptography``, nothing of ours.

It stands alone on purpose: an inspector can read all of it, and a fault in Handrail's own tree or notes is not in it too.
"""
