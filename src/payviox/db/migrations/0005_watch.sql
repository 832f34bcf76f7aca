-- Where `ledger verify` found something broken lately: asked by whoever reads /metrics, so of an index that
-- is empty where all is well.
CREATE INDEX audit_entries_broken ON audit_entries (business_id, created_at) WHERE act = 'ledger.broken';
