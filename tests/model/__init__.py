"""The stateful model: random lives of children in a town of real gateways and a real router, against a book kept apart.

``town`` is what is tested, ``book`` says what must be, ``checks`` holds the two against each other, ``machine`` plays.
``flights`` plays what ``secrets`` says each area may know of one family that flees: hidden moves, broken glass, new keys.
"""
