"""Who did what to a business."""
