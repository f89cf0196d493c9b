"""What stands beside a member's own systems: the gateway, and mappings from the formats they speak."""
