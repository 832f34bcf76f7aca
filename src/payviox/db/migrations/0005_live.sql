-- What changed is announced by the session that changes it (db/announcing.py), no longer by triggers:
-- one on a distributed table would announce where nobody listens, and keep its transaction from being
-- prepared (docs/decisions/0049).
DROP TRIGGER order_states_announced ON order_states;
DROP TRIGGER suspense_items_opened ON suspense_items;
DROP TRIGGER suspense_items_changed ON suspense_items;
DROP TRIGGER reconciliations_announced ON reconciliations;
DROP TRIGGER deliveries_changed ON deliveries;
DROP FUNCTION announce_change();
