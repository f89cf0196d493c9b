"""What leaves a process for those who watch it: log lines with ids, metrics, traces. The only user of both libraries.

Nothing here sees an event, a token or a key. A service hands over ids, counts and reason codes after its transaction
has committed; of a routine event it hands over a count and nothing else, since nothing else may stay of it (P12).
"""
