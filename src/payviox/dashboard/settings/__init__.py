"""Switches, review rules, limits and lifetimes of a business."""
