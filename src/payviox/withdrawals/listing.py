"""Orders for whoever only looks: pages of them, a payout user's totals, what orders wait for."""

from payviox.withdrawals.queries import orders

list_page = orders.list_page
totals_of_user = orders.totals_of_user
waiting_causes = orders.waiting_causes
sum_waiting = orders.sum_waiting
Sum = orders.Sum
