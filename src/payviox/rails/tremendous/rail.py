"""Tremendous as a rail: gift cards and prepaid cards bought one by one, each delivered as a link. The
link is money: it is asked for when its owner wants to see it and is kept nowhere."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.rails.base import (
    Account,
    Accounts,
    Callback,
    Entry,
    Finding,
    GiftCard,
    Holding,
    Known,
    Outcome,
    Provider,
    Quote,
    RailError,
    ReadyOrder,
    Request,
    RevealedCode,
)
from payviox.rails.http import Http, NotSent, Unclear
from payviox.rails.tremendous import account_books, callbacks, catalogue, pricing, states
from payviox.rails.tremendous.amounts import to_dollars
from payviox.rails.tremendous.catalogue import Catalogue, Product, Products
from payviox.rails.tremendous.client import Client, Crowded, NoKey, Reply
from payviox.rails.tremendous.states import Expected

QUOTE_LIFETIME = timedelta(minutes=15)
NOT_CONNECTED = "No account at Tremendous is connected: see `payviox rail connect`."
"""For the operator."""
