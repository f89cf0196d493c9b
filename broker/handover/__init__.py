"""The carrying of a child from one area to another: a pure state machine, its deadlines and its calendars."""
