"""The dashboard's routes and its menu, nothing else."""

from pathlib import Path

from litestar import Router

from payviox.dashboard import errors
from payviox.dashboard.account import authenticator, password, proof, stop_mails
from payviox.dashboard.account import mails as account_mails
from payviox.dashboard.account import passkeys as account_passkeys
from payviox.dashboard.account import sessions as account_sessions
from payviox.dashboard.account import show as account
from payviox.dashboard.allocate import decide as decide_upload
from payviox.dashboard.allocate import downloads, one_person
from payviox.dashboard.allocate import show as upload
from payviox.dashboard.allocate import upload as uploads
from payviox.dashboard.approvals import list as approvals
from payviox.dashboard.approvals import show as approval
from payviox.dashboard.audit_log import list as audit_log
from payviox.dashboard.balance import ageing, deposit, deposits, move, taxes, withdraw
from payviox.dashboard.balance import period as balance_period
from payviox.dashboard.balance import show as balance
from payviox.dashboard.bank_files import cut as cut_bank_file
from payviox.dashboard.bank_files import decide as decide_bank_file
from payviox.dashboard.bank_files import hold as bank_hold
from payviox.dashboard.bank_files import imports as bank_imports
from payviox.dashboard.bank_files import list as bank_files
from payviox.dashboard.bank_files import show as bank_file
from payviox.dashboard.businesses import create as create_business
from payviox.dashboard.businesses import pages as businesses
from payviox.dashboard.developer import first_calls, keys, requests, restricted_keys
from payviox.dashboard.forgotten import ask as forgotten
from payviox.dashboard.forgotten import reset as reset_password
from payviox.dashboard.gift_cards import add as add_cards
from payviox.dashboard.gift_cards import add_file as add_card_file
from payviox.dashboard.gift_cards import after_restore
from payviox.dashboard.gift_cards import list as gift_cards
from payviox.dashboard.gift_cards import void as void_cards
from payviox.dashboard.home import show as home
from payviox.dashboard.invitation import accept as invitation
from payviox.dashboard.live import stream as live
from payviox.dashboard.mails import list as mails
from payviox.dashboard.orders import decide as decide_order
from payviox.dashboard.orders import export as export_orders
from payviox.dashboard.orders import list as orders
from payviox.dashboard.orders import resume as resume_orders
from payviox.dashboard.orders import saved_views, selected
from payviox.dashboard.orders import settle as settle_order
from payviox.dashboard.orders import show as order
from payviox.dashboard.preferences import set as preferences
from payviox.dashboard.rails import connect as connect_rail
from payviox.dashboard.rails import list as rails
from payviox.dashboard.rails import show as rail
from payviox.dashboard.reconciliation import list as reconciliation
from payviox.dashboard.reconciliation import resolve as resolve_item
from payviox.dashboard.reconciliation import show as suspense_item
from payviox.dashboard.said_once import SaidOnce
from payviox.dashboard.search import find as search
from payviox.dashboard.settings import brand, expiry, logo, mail_check, previews, site
from payviox.dashboard.settings import show as settings
from payviox.dashboard.sign_in import openid, passkey
from payviox.dashboard.sign_in import pages as sign_in
from payviox.dashboard.team import invitations as team_invitations
from payviox.dashboard.team import list as team
from payviox.dashboard.team import show as member
from payviox.dashboard.users import list as users
from payviox.dashboard.users import mails as users_mails
from payviox.dashboard.users import money as users_money
from payviox.dashboard.users import redemption_link, rotate_hash
from payviox.dashboard.users import show as user
from payviox.dashboard.webhook_logs import list as webhook_logs
from payviox.dashboard.webhook_logs import replay
from payviox.dashboard.webhook_logs import show as delivery
from payviox.dashboard.webhooks import show as webhook
from payviox.dashboard.webhooks import token as webhook_token
from payviox.web.forms import refuse_foreign_forms

TEMPLATES = Path(__file__).parent
MENU = (
    ("", "Home", "house"),
    ("/balance", "Balance", "wallet"),
    ("/users", "Users", "users"),
    ("/allocate", "Allocate", "hand-coins"),
    ("/orders", "Orders", "receipt-text"),
    ("/approvals", "Approvals", "stamp"),
    ("/gift-cards", "Gift cards", "gift"),
    ("/bank-files", "Bank files", "building"),
    ("/rails", "Rails", "plug"),
    ("/reconciliation", "Reconciliation", "scale"),
    ("/webhooks", "Webhooks", "webhook"),
    ("/webhooks/logs", "Webhook logs", "list-checks"),
    ("/mails", "Mails", "mails"),
    ("/developer/keys", "API keys", "key-round"),
    ("/developer/requests", "Requests", "activity"),
    ("/settings", "Settings", "settings"),
    ("/team", "Team", "users-round"),
    ("/audit", "Audit log", "scroll-text"),
)
"""Each page's path under a business, its name and its icon."""

ROUTER = Router(
    path="/",
    route_handlers=[
        *sign_in.ROUTES,
        *forgotten.ROUTES,
        *reset_password.ROUTES,
        *invitation.ROUTES,
        *passkey.ROUTES,
        *openid.ROUTES,
        *account.ROUTES,
        *account_sessions.ROUTES,
        *account_passkeys.ROUTES,
        *authenticator.ROUTES,
        *password.ROUTES,
        *proof.ROUTES,
        *account_mails.ROUTES,
        *businesses.ROUTES,
        *create_business.ROUTES,
        *preferences.ROUTES,
        *home.ROUTES,
        *live.ROUTES,
        *search.ROUTES,
        *balance.ROUTES,
        *move.ROUTES,
        *deposits.ROUTES,
        *deposit.ROUTES,
        *withdraw.ROUTES,
        *balance_period.ROUTES,
        *ageing.ROUTES,
        *taxes.ROUTES,
        *users.ROUTES,
        *user.ROUTES,
        *users_mails.ROUTES,
        *users_money.ROUTES,
        *redemption_link.ROUTES,
        *rotate_hash.ROUTES,
        *one_person.ROUTES,
        *uploads.ROUTES,
        *upload.ROUTES,
        *decide_upload.ROUTES,
        *downloads.ROUTES,
        *orders.ROUTES,
        *export_orders.ROUTES,
        *saved_views.ROUTES,
        *selected.ROUTES,
        *order.ROUTES,
        *decide_order.ROUTES,
        *settle_order.ROUTES,
        *resume_orders.ROUTES,
        *approvals.ROUTES,
        *approval.ROUTES,
        *gift_cards.ROUTES,
        *add_cards.ROUTES,
        *add_card_file.ROUTES,
        *void_cards.ROUTES,
        *after_restore.ROUTES,
        *bank_files.ROUTES,
        *cut_bank_file.ROUTES,
        *bank_imports.ROUTES,
        *bank_hold.ROUTES,
        *bank_file.ROUTES,
        *decide_bank_file.ROUTES,
        *rails.ROUTES,
        *connect_rail.ROUTES,
        *rail.ROUTES,
        *reconciliation.ROUTES,
        *suspense_item.ROUTES,
        *resolve_item.ROUTES,
        *webhook.ROUTES,
        *webhook_token.ROUTES,
        *webhook_logs.ROUTES,
        *delivery.ROUTES,
        *replay.ROUTES,
        *keys.ROUTES,
        *restricted_keys.ROUTES,
        *requests.ROUTES,
        *first_calls.ROUTES,
        *mails.ROUTES,
        *settings.ROUTES,
        *brand.ROUTES,
        *logo.ROUTES,
        *previews.ROUTES,
        *mail_check.ROUTES,
        *expiry.ROUTES,
        *site.ROUTES,
        *team.ROUTES,
        *team_invitations.ROUTES,
        *member.ROUTES,
        *audit_log.ROUTES,
    ],
    middleware=[SaidOnce()],
    exception_handlers={Exception: errors.handle},
    guards=[refuse_foreign_forms],
    include_in_schema=False,
)

FOR_MAIL_PROGRAMS = Router(
    path="/",
    route_handlers=[*stop_mails.ROUTES],
    exception_handlers={Exception: errors.handle},
    include_in_schema=False,
)
"""What mail programs send as well as pages of ours; what it may do, a token in its address says."""
