"""A bank for the demo and for tests. It takes files of payments as a bank does, keeps its own books
and gives answers, statements and returns. It shares no code with `payviox.rails.bank`."""
