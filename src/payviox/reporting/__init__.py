"""Reads across rooms: an order's timeline, a business's summary, what needs a person. Answers typed
values and writes nothing; the lists of one room stay in that room."""
