"""The only user of NATS: subjects, topology, server configuration, the embedded server, and moving messages.

What others call:

* ``subjects``: ``OutSubject``, ``in_subject``, ``shard_of``, ``partition_of``
* ``topology``: ``streams(shards)``, ``durables(members, shards)``: what exists, as data
* ``render.render(BusInventory) -> str``: the server configuration; ``credentials``: nkeys
* ``server.EmbeddedServer``: start, reload, stop a real ``nats-server``
* ``connection.connect(Access, name) -> Bus``: a signed-in connection; ``Bus.close()``
* ``publisher.Publisher(bus)``: ``publish(subject, data, msg_id) -> int`` (stream sequence), ``publish_batch``
* ``puller.Puller(bus, stream, durable)``: ``batches()``, ``ack(delivery)``
* ``streams``: ``provision``, ``get_message``, ``erase_message``, ``stream_facts``

Everything raises ``UnavailableError`` when the bus is away; nothing here decides what may be sent to whom.
"""
