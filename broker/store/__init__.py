"""The only user of SQL. Stores say what is durable when a method returns; nothing outside sees a table.

``engine`` opens databases and runs migrations; ``router``, ``gateway`` and ``audit`` hold one program's tables each.
"""
