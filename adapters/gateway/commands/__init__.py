"""The commands of a member's gateway, and how they show things to people."""
