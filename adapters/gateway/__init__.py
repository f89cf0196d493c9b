"""A member's gateway: maps, signs, seals, sends, receives, opens; and the front door's duties.

from adapters.gateway import Gateway

with Gateway.open("members/m-...") as gateway:
    event_id = gateway.publish(event)
    for item in gateway.inbox():
        print(item.number, gateway.read(item.number, role="front-door worker").type)
"""

from adapters.gateway.api import Gateway, Item

__all__ = ["Gateway", "Item"]
