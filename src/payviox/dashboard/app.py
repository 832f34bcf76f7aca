"""The dashboard's routes and its menu, nothing else."""

from pathlib import Path

from litestar import Router

from payviox.dashboard import errors
from payviox.dashboard.businesses import pages as businesses
from payviox.dashboard.home import show as home
from payviox.dashboard.orders import list as orders
from payviox.dashboard.orders import show as order
from payviox.dashboard.sign_in import pages as sign_in

TEMPLATES = Path(__file__).parent
MENU = (("", "Home", "house"), ("/orders", "Orders", "receipt-text"))
"""Each page's path under a business, its name and its icon."""

ROUTER = Router(
    path="/",
    route_handlers=[
        *sign_in.ROUTES,
        *businesses.ROUTES,
        *home.ROUTES,
        *orders.ROUTES,
        *order.ROUTES,
    ],
    exception_handlers={Exception: errors.handle},
    include_in_schema=False,
)
