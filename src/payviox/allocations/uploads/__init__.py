"""Uploads: a file of allocations, read and checked row by row, confirmed by a person, paid by the
worker, with a receipt that knows every row again."""
