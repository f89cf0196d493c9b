"""What is owed and to whom, what is wrong, and who is told of it."""
