"""The dashboard: pages for the people who fund, approve and look after payouts. One folder a menu
entry; a page is `<room>/<verb>.py` with `<verb>.html` beside it. Routes and rules of none."""
