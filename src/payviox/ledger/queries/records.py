"""The SQL of what `ledger verify` compares beside the chains of transfers: rows whose content other
rows, or the transfers, say again. Each statement answers one row for what is broken: a message,
and the account or order that it is about. All run in verify's snapshot of their business."""

from collections.abc import AsyncIterator
from typing import Literal
from uuid import UUID

from payviox.db.pool import Connection
from payviox.ledger.model import OF_EVERY_BUSINESS
from payviox.order_states import GIVES_BACK, MAY_BECOME, PERHAPS_AT_A_RAIL

RecordKind = Literal[
    "payout_user", "story", "attempt", "event", "quote", "card", "suspense", "key", "api_key"
]
Found = tuple[str, UUID | None, UUID | None]
"""A message, the account and the order that it is about."""

# A payout user's account has their id. Accounts without money leave no orphan where they are gone.
PAYOUT_USERS = """
SELECT CASE WHEN u.id IS NULL THEN 'the account is of no payout user'
            ELSE 'the payout user has no account' END, coalesce(a.id, u.id), NULL::uuid
FROM (SELECT id FROM accounts WHERE business_id = %(business)s AND kind = 'user') a
FULL JOIN (SELECT id FROM payout_users WHERE business_id = %(business)s) u ON u.id = a.id
WHERE a.id IS NULL OR u.id IS NULL
UNION ALL
SELECT format('there are %%s accounts %%s', count(*), concat_ws(' ', kind, nullif(rail, ''))),
       max(id::text)::uuid, NULL
FROM accounts WHERE business_id = %(business)s AND kind <> 'user'
GROUP BY kind, rail HAVING count(*) > 1
UNION ALL
SELECT format('the business has no account %%s', k.kind), NULL, NULL
FROM unnest(%(kinds)s::text[]) AS k(kind)
WHERE EXISTS (SELECT FROM businesses WHERE id = %(business)s) AND NOT EXISTS (
  SELECT FROM accounts a WHERE a.business_id = %(business)s AND a.kind = k.kind)
"""

# An order is in the state that its story tells last, and each state follows from the one before.
# Not told is one more try of an order that waits, which is queued all the while.
STORIES = """
WITH steps AS (
  SELECT order_id, number, status, lag(status) OVER w AS before,
         lead(status) OVER w IS NULL AS is_last
  FROM order_states WHERE business_id = %(business)s
  WINDOW w AS (PARTITION BY order_id ORDER BY number)
), stories AS (
  SELECT order_id, count(*) AS told, max(number) AS last,
         max(status) FILTER (WHERE is_last) AS status,
         bool_or(coalesce(before, 'nothing') || ' ' || status <> ALL(%(steps)s)) AS leaps
  FROM steps GROUP BY order_id
)
SELECT format('the order is %%s, its story of %%s lines tells %%s last%%s', o.status,
              coalesce(s.told, 0), coalesce(s.status, 'nothing'),
              CASE WHEN s.leaps THEN ', and leaps' WHEN s.told <> s.last THEN ', and has a gap'
                   ELSE '' END), NULL::uuid, o.id
FROM orders o LEFT JOIN stories s ON s.order_id = o.id
WHERE o.business_id = %(business)s AND (
  s.status IS NULL OR s.told <> s.last OR s.leaps
  OR (s.status <> o.status AND (s.status, o.status) <> ('queued', 'sending')))
UNION ALL
SELECT format('the order is %%s and says why it failed', status), NULL, id
FROM orders WHERE business_id = %(business)s AND failure IS NOT NULL
  AND status NOT IN ('failed', 'returned')
ORDER BY 3
"""

# Attempts are counted by their order; each says what was to be paid where, under a reference made
# of both. What an order came to is what its last attempt came to.
ATTEMPTS = """
WITH tries AS (
  SELECT o.id, o.status, o.attempt, count(a.number) AS number, coalesce(max(a.number), 0) AS last,
         max(a.outcome) FILTER (WHERE a.number = o.attempt) AS outcome,
         min(a.number) FILTER (WHERE a.reference <> 'ord_' || o.id || '.' || a.number) AS renamed,
         min(a.number) FILTER (WHERE a.request <> jsonb_build_object('rail', o.rail,
           'provider', o.provider, 'amount', o.amount, 'net_amount', o.net_amount,
           'destination', o.destination)) AS other
  FROM orders o LEFT JOIN order_attempts a ON a.business_id = %(business)s AND a.order_id = o.id
  WHERE o.business_id = %(business)s GROUP BY o.business_id, o.id
)
SELECT CASE
    WHEN renamed IS NOT NULL THEN format('attempt %%s has the reference of another', renamed)
    WHEN other IS NOT NULL
      THEN format('attempt %%s was asked to pay something else than the order says', other)
    ELSE format('the order is %%s at attempt %%s, of %%s attempts the last came to %%s%%s', status,
                attempt, number, coalesce(outcome, 'nothing'),
                CASE WHEN p.order_id IS NULL THEN '' ELSE ', and it was paid after all' END) END,
  NULL::uuid, id
FROM tries LEFT JOIN (
  SELECT DISTINCT order_id FROM transfers WHERE business_id = %(business)s
  AND kind = 'paid_after_all' AND kind <> 'allocation'
) p ON p.order_id = id
WHERE number <> attempt OR last <> attempt OR renamed IS NOT NULL OR other IS NOT NULL
  OR (status = ANY(%(tried)s) AND attempt = 0)
  OR (status IN ('succeeded', 'returned') AND outcome IS DISTINCT FROM status)
  OR (status = ANY(%(gives_back)s)
      AND (outcome IS NOT DISTINCT FROM 'succeeded') <> (p.order_id IS NOT NULL))
ORDER BY id
"""

# An order has one event of each state that its business is told of, and of no other. Where the
# order and its last attempt say different ids of the rail, the event says which was changed.
EVENTS = """
WITH told AS (
  SELECT DISTINCT order_id,
         'payout.' || CASE status WHEN 'sending' THEN 'processing' ELSE status END AS type
  FROM order_states WHERE business_id = %(business)s AND status = ANY(%(announced)s)
)
SELECT CASE WHEN e.id IS NULL THEN format('the event %%s of the order is missing', t.type)
            ELSE format('event evt_%%s says %%s, which the order never was', e.id, e.type) END,
  NULL::uuid, coalesce(t.order_id, e.order_id)
FROM told t
FULL JOIN (
  SELECT id, order_id, type FROM events WHERE business_id = %(business)s AND order_id IS NOT NULL
) e ON e.order_id = t.order_id AND e.type = t.type
WHERE e.id IS NULL OR t.order_id IS NULL
UNION ALL
SELECT format('the rail calls the order %%s by the order, %%s by its attempt; its event says one',
              coalesce(o.rail_order_id, 'nothing'), coalesce(a.rail_order_id, 'nothing')),
  NULL, o.id
FROM orders o
JOIN order_attempts a
  ON a.business_id = %(business)s AND a.order_id = o.id AND a.number = o.attempt
JOIN events e
  ON e.business_id = %(business)s AND e.order_id = o.id AND e.type = 'payout.succeeded'
WHERE o.business_id = %(business)s AND o.status = 'succeeded'
  AND o.rail_order_id IS DISTINCT FROM a.rail_order_id
  AND coalesce(strpos(e.body, to_json(o.rail_order_id)::text) > 0, false)
   <> coalesce(strpos(e.body, to_json(a.rail_order_id)::text) > 0, false)
ORDER BY 3
"""

# A quote that was used is kept, and its order is for just that.
QUOTES = """
SELECT CASE WHEN q.id IS NULL THEN format('the order''s quote quo_%%s is not there', o.quote_id)
            ELSE format('the order''s quote quo_%%s was made for something else', q.id) END,
  NULL::uuid, o.id
FROM orders o LEFT JOIN quotes q ON q.business_id = %(business)s AND q.id = o.quote_id
WHERE o.business_id = %(business)s AND o.quote_id IS NOT NULL AND (
  q.id IS NULL
  OR (q.payout_user_id, q.provider, q.rail, q.amount, q.fees, q.net_amount)
     IS DISTINCT FROM (o.payout_user_id, o.provider, o.rail, o.amount, o.fees, o.net_amount)
  OR q.destination NOT IN ('{}'::jsonb, o.destination))
UNION ALL
SELECT format('quote quo_%%s is over %%s, which is not %%s and %%s fees', id, amount, net_amount,
              fees), payout_user_id, NULL
FROM quotes WHERE business_id = %(business)s AND amount::numeric <> fees::numeric + net_amount
"""

# The card that an order got is the product that it ordered, at its price, under a reference of one
# of its attempts. Encrypted anew a code differs, so the same bytes twice are a copy.
CARDS = """
SELECT format('gift card %%s is not what the order ordered', c.id), NULL::uuid, o.id
FROM gift_cards c
JOIN gift_card_products p ON p.business_id = %(business)s AND p.id = c.product_id
JOIN orders o ON o.business_id = %(business)s AND o.id = c.order_id
WHERE c.business_id = %(business)s AND c.status IN ('reserved', 'delivered') AND (
  p.price <> o.net_amount OR o.provider <> 'gift_card'
  OR (o.destination->'product', o.destination->'brand', o.destination->'country',
      o.destination->'currency', o.destination->'face_value')
    IS DISTINCT FROM (to_jsonb('prd_' || p.id), to_jsonb(p.brand), to_jsonb(p.country),
                      to_jsonb(p.currency), to_jsonb(p.face_value)))
UNION ALL
SELECT format('gift card %%s is bound by %%s, which is no attempt of the order', c.id, c.reference),
       NULL, c.order_id
FROM gift_cards c LEFT JOIN order_attempts a
  ON a.business_id = %(business)s AND a.order_id = c.order_id AND a.reference = c.reference
WHERE c.business_id = %(business)s AND c.status = 'delivered' AND a.order_id IS NULL
UNION ALL
SELECT format('gift card %%s is in stock and bound to an order', id), NULL, order_id
FROM gift_cards WHERE business_id = %(business)s AND status = 'available'
  AND (order_id IS NOT NULL OR reference IS NOT NULL)
UNION ALL
SELECT format('%%s gift cards were imported, %%s are there', i.cards, c.cards), NULL, NULL
FROM (SELECT sum(CASE WHEN detail->>'cards' ~ '^[0-9]{1,9}$' THEN (detail->>'cards')::bigint END)
        AS cards FROM audit_entries
      WHERE business_id = %(business)s AND act = 'gift_cards.import') i,
     (SELECT count(*) AS cards FROM gift_cards WHERE business_id = %(business)s) c
WHERE c.cards < i.cards
UNION ALL
SELECT format('gift card %%s is of no product', c.id), NULL, c.order_id
FROM gift_cards c LEFT JOIN gift_card_products p
  ON p.business_id = %(business)s AND p.id = c.product_id
WHERE c.business_id = %(business)s AND p.id IS NULL
UNION ALL
SELECT format('gift cards %%s have the same code',
              array_to_string(array_agg(id ORDER BY id), ', ')), NULL, NULL
FROM gift_cards WHERE business_id = %(business)s GROUP BY code HAVING count(*) > 1
UNION ALL
SELECT format('gift card %%s was shown for an order that did not get it', r.gift_card_id), NULL,
       r.order_id
FROM gift_card_reveals r
LEFT JOIN gift_cards c ON c.business_id = %(business)s AND c.id = r.gift_card_id
WHERE r.business_id = %(business)s AND r.gift_card_id IS NOT NULL
  AND c.order_id IS DISTINCT FROM r.order_id
"""

# An item's transfers name it: one that opened it (what was paid after all is booked by its order),
# and one that took that back or resolved it, each over its amount, at its rail, about its order.
ITEMS = """
WITH moves AS (
  SELECT t.reference, count(*) FILTER (WHERE t.kind = 'suspense') AS booked,
         count(*) FILTER (WHERE t.kind = 'adjustment') AS adjusted,
         min(t.amount) AS least, max(t.amount) AS most,
         sum(t.amount::numeric * CASE WHEN g.kind = 'suspense' THEN 1 ELSE -1 END) AS held,
         min(coalesce(nullif(g.rail, ''), f.rail)) AS rail,
         min(t.order_id::text) FILTER (WHERE t.kind = 'suspense') AS order_id,
         count(DISTINCT t.order_id) AS orders
  FROM transfers t
  LEFT JOIN accounts f ON f.business_id = %(business)s AND f.id = t.from_account
  LEFT JOIN accounts g ON g.business_id = %(business)s AND g.id = t.to_account
  WHERE t.business_id = %(business)s AND t.kind <> 'allocation'
    AND (t.kind = 'suspense' OR (t.kind = 'adjustment' AND t.reference LIKE 'sus\\_%%'))
  GROUP BY t.reference
), items AS (
  SELECT id, 'sus_' || id AS reference, rail, order_id, amount, resolution, reason,
         (amount <> 0 AND cause <> 'paid_after_all')::int
           + (amount <> 0 AND resolution IS NOT DISTINCT FROM 'explained')::int AS booked,
         (amount <> 0 AND resolution <> 'explained' AND resolution IS NOT NULL)::int AS adjusted,
         CASE WHEN cause = 'paid_after_all' THEN amount::numeric ELSE 0 END
           - CASE WHEN resolved_at IS NULL THEN amount::numeric ELSE 0 END AS held
  FROM suspense_items WHERE business_id = %(business)s
)
SELECT CASE
    WHEN i.id IS NULL THEN format('transfers of %%s name an item that is not there', m.reference)
    ELSE format('item %%s of %%s (%%s) has %%s bookings and %%s resolutions, of %%s to %%s cents,'
                ' which leave %%s in suspense', i.reference, i.amount,
                coalesce(i.resolution, 'open'),
                coalesce(m.booked, 0), coalesce(m.adjusted, 0), coalesce(m.least, 0),
                coalesce(m.most, 0), coalesce(m.held, 0)) END, NULL::uuid, i.order_id
FROM items i FULL JOIN moves m ON m.reference = i.reference
WHERE i.id IS NULL OR i.booked <> coalesce(m.booked, 0) OR i.adjusted <> coalesce(m.adjusted, 0)
  OR i.held <> coalesce(m.held, 0)
  OR abs(i.amount::numeric) <> m.least OR abs(i.amount::numeric) <> m.most OR i.rail <> m.rail
  OR (i.resolution IS NULL AND i.reason IS NOT NULL)
  OR m.orders > 1 OR (m.booked > 0 AND i.order_id::text IS DISTINCT FROM m.order_id)
"""

# What a used idempotency key remembers is what its call did: the order or quote that it made, its
# caller's own, or the balances that its transfer left.
KEYS = """
WITH keys AS (
  SELECT caller, path, key, part, reference,
         reference->'balance' AS balance, reference->'payout_balance' AS payout_balance,
         CASE WHEN path = '/payout/fund' THEN 'fund' WHEN path = '/payout/defund' THEN 'defund'
              WHEN path LIKE '/payout/users/%%/revoke' THEN 'revocation' END AS move,
         reference->>'order' AS order_name,
         CASE WHEN path = '/payout/quote' THEN reference #>> '{}' END AS quote_name
  FROM idempotency_keys WHERE business_id = %(business)s
), moves AS (
  SELECT t.kind, to_jsonb(CASE t.kind WHEN 'defund' THEN t.to_balance ELSE t.from_balance END)
           AS balance,
         to_jsonb(CASE t.kind WHEN 'defund' THEN t.from_balance ELSE t.to_balance END)
           AS payout_balance,
         CASE t.kind WHEN 'revocation' THEN '/payout/users/usr_' || t.from_account || '/revoke'
                     ELSE '/payout/' || t.kind END AS path
  FROM transfers t WHERE t.business_id = %(business)s AND t.kind <> 'allocation'
    AND t.kind IN ('fund', 'defund', 'revocation')
)
SELECT format('the key %%s for %%s remembers %%s, which its caller''s call did not do', k.key,
              k.path, coalesce(k.reference::text, 'nothing')), NULL::uuid, o.id
FROM keys k
LEFT JOIN moves m ON m.path = k.path AND m.balance = k.balance
  AND m.payout_balance = k.payout_balance
LEFT JOIN orders o ON o.business_id = %(business)s AND o.id = CASE
  WHEN k.order_name ~ %(order_id)s THEN substr(k.order_name, 5)::uuid END
LEFT JOIN quotes q ON q.business_id = %(business)s AND q.id = CASE
  WHEN k.quote_name ~ %(quote_id)s THEN substr(k.quote_name, 5)::uuid END
WHERE k.reference IS NULL
  OR (k.move IS NOT NULL AND m.kind IS NULL)
  OR (k.order_name IS NOT NULL AND (
    o.id IS NULL OR k.caller NOT IN ('business', o.payout_user_id::text)
    OR (k.path LIKE '%%/ord\\_%%' AND strpos(k.path, k.order_name) = 0)))
  OR (k.path = '/payout/withdraw' AND k.order_name IS NULL)
  OR (k.path = '/payout/quote' AND (q.id IS NULL OR k.caller <> q.payout_user_id::text))
"""

# An API key was made in the transaction of an act that makes keys, so at its time; those that came
# with a business before that act was written down, at the business's. An act that stops keys says
# which: one by its name, those of a kind, or all that were made before it.
API_KEYS = """
WITH acts AS (
  SELECT id, act, detail, created_at FROM audit_entries
  WHERE business_id = %(business)s
    AND act IN ('business.create', 'key.create', 'key.regenerate', 'key.revoke')
), keys AS (
  SELECT k.id, k.kind, k.hint, k.revoked_at, b.id IS NOT NULL AS came_with_the_business,
         (SELECT max(a.id) FROM acts a
          WHERE a.created_at = k.created_at AND a.act <> 'key.revoke') AS made
  FROM api_keys k LEFT JOIN businesses b ON b.id = k.business_id AND b.created_at = k.created_at
  WHERE k.business_id = %(business)s
)
SELECT format('no act made the %%s API key that ends in %%s', kind, hint), NULL::uuid, NULL::uuid
FROM keys WHERE made IS NULL AND NOT came_with_the_business
UNION ALL
SELECT format('the %%s API key that ends in %%s was stopped, and works', kind, hint), NULL, NULL
FROM keys k WHERE k.revoked_at IS NULL AND EXISTS (
  SELECT FROM acts a WHERE a.id > coalesce(k.made, 0) AND (
    (a.act = 'key.regenerate' AND a.detail->>'kind' = k.kind)
    OR (a.act = 'key.revoke' AND (a.detail->>'key' = 'key_' || k.id OR a.detail ? 'keys'))))
"""

STATEMENTS: tuple[tuple[RecordKind, str], ...] = (
    ("payout_user", PAYOUT_USERS),
    ("story", STORIES),
    ("attempt", ATTEMPTS),
    ("event", EVENTS),
    ("quote", QUOTES),
    ("card", CARDS),
    ("suspense", ITEMS),
    ("key", KEYS),
    ("api_key", API_KEYS),
)
"""What is compared, and how the finding is called."""

_UUID = "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
_FROM_SENDING = MAY_BECOME["sending"]
STEPS = [
    "nothing created",
    *(f"{old} {new}" for old, after in MAY_BECOME.items() for new in {*after, old}),
    *(f"queued {new}" for new in _FROM_SENDING - MAY_BECOME["queued"] - {"queued"}),
]
"""Which line of a story may follow which: a state said again, too (it waits for something else),
and what comes after a try that was not told."""

ANNOUNCED = ["created", "sending", "succeeded", *GIVES_BACK, "returned"]
"""States that make an event."""


async def broken(connection: Connection, business_id: UUID, statement: str) -> AsyncIterator[Found]:
    """What one of the statements finds, streamed."""
    parameters = {
        "business": business_id,
        "kinds": [name.kind for name in OF_EVERY_BUSINESS],
        "steps": STEPS,
        "tried": [*PERHAPS_AT_A_RAIL, "succeeded", "returned"],
        "gives_back": list(GIVES_BACK),
        "announced": ANNOUNCED,
        "order_id": f"^ord_{_UUID}",
        "quote_id": f"^quo_{_UUID}",
    }
    async with connection.cursor("records") as cursor:
        cursor.itersize = 2_000
        await cursor.execute(statement, parameters)
        async for row in cursor:
            yield row  # type: ignore[misc]  # a text and two uuids
