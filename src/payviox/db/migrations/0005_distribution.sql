-- Keys without the business, which no distributed table can have (docs/decisions/0004, 0049).

-- One wallet serves one business: a small table for all businesses says whose it is.
CREATE TABLE evm_wallet_owners (
  chain_id     bigint NOT NULL,
  address      text NOT NULL,
  business_id  uuid NOT NULL REFERENCES businesses,
  PRIMARY KEY (chain_id, address),
  CONSTRAINT evm_wallet_owners_wallet UNIQUE (business_id, chain_id, address)
);
GRANT SELECT, INSERT (chain_id, address, business_id) ON evm_wallet_owners TO payviox_app;

INSERT INTO evm_wallet_owners (chain_id, address, business_id)
SELECT chain_id, address, business_id FROM evm_wallets;

ALTER TABLE evm_wallets DROP CONSTRAINT evm_wallets_one_business;
ALTER TABLE evm_wallets ADD CONSTRAINT evm_wallets_owner
  FOREIGN KEY (business_id, chain_id, address)
  REFERENCES evm_wallet_owners (business_id, chain_id, address);
