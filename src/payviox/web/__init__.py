"""What every HTTP surface shares: reading bodies, headers, limits, cursors, errors. No routes."""
