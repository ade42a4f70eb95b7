"""The evaluation of a fitted model on rows that it has not seen: metrics and figures."""
