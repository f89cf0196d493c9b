"""The kill rig: a real exchange in processes of their own, under load, killed at every numbered gap and counted."""
