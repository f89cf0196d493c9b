"""The router's state: chains, children, matters, deliveries, orders, handovers, deadlines, and two outboxes."""
