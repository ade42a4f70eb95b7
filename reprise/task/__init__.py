"""What a fitted model shows on rows that it has not seen: metrics and figures."""
