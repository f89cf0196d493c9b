"""What people were told of things owed, by a member's gateway or by the operator's notifier."""
