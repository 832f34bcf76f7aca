-- What live pages listen to, and what the search looks through.

-- Whoever has a page of a business open hears that its orders, items or deliveries changed: once a transaction,
-- with the business's id and the kind of thing and nothing else. What money does is no trigger's:
-- listeners look at the versions of the few accounts through which all of it passes.
CREATE FUNCTION announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('payviox_changes', c.business_id || ' ' || TG_ARGV[0])
    FROM (SELECT DISTINCT business_id FROM changed) c;
  RETURN NULL;
END $$;
CREATE TRIGGER order_states_announced AFTER INSERT ON order_states
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_change('orders');
CREATE TRIGGER suspense_items_opened AFTER INSERT ON suspense_items
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_change('items');
CREATE TRIGGER suspense_items_changed AFTER UPDATE ON suspense_items
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_change('items');
CREATE TRIGGER reconciliations_announced AFTER INSERT ON reconciliations
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_change('items');
CREATE TRIGGER deliveries_changed AFTER UPDATE ON deliveries
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION announce_change('webhooks');

-- An amount that somebody read on a statement: what was taken from a balance, or what arrived. Of
-- other transfers those that a person makes; allocations are in no index of amounts.
CREATE INDEX orders_by_amount ON orders (business_id, amount, id);
CREATE INDEX orders_by_net_amount ON orders (business_id, net_amount, id)
  WHERE net_amount <> amount;
CREATE INDEX transfers_by_hand_by_amount ON transfers (business_id, amount, id)
  WHERE kind IN ('deposit', 'funds_withdrawal', 'fund', 'defund', 'adjustment');

-- A key is known by its last characters.
CREATE INDEX api_keys_by_hint ON api_keys (business_id, hint);

-- Deliveries that were given up, without those that were not.
CREATE INDEX deliveries_failed ON deliveries (business_id, id) WHERE status = 'failed';

-- What moved through each of a business's own accounts on each day (UTC), by kind, in cents: the
-- worker sums it after the fact, version by version of the account, so that charts read no transfers
-- and allocations write nothing more.
CREATE TABLE daily_flows (
  business_id  uuid NOT NULL REFERENCES businesses,
  day          date NOT NULL,
  account_id   uuid NOT NULL,
  kind         text NOT NULL,
  came         bigint NOT NULL CHECK (came >= 0),
  went         bigint NOT NULL CHECK (went >= 0),
  PRIMARY KEY (business_id, day, account_id, kind)
);
GRANT SELECT, INSERT, UPDATE (came, went) ON daily_flows TO payviox_app;

-- Up to which version of each account that is summed, and what the account held there.
CREATE TABLE daily_flows_until (
  business_id  uuid NOT NULL REFERENCES businesses,
  account_id   uuid NOT NULL,
  version      bigint NOT NULL DEFAULT 0,
  balance      bigint NOT NULL DEFAULT 0,
  summed_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, account_id)
);
GRANT SELECT, INSERT (business_id, account_id), UPDATE (version, balance, summed_at)
  ON daily_flows_until TO payviox_app;
