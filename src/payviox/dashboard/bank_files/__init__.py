"""Files to the bank: what waits for one, cutting, approving and handing them over, and what the
bank says of them."""
