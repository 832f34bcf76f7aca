"""What banks read and write: account numbers, files of payments, answers and statements. Pure: no
database, no clock, no network. What is done with them is the room `payviox.bank`'s."""
