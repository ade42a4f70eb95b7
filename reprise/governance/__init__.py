"""Which model may answer, which does, and how it came to that: policy, verdicts, promotions, history."""
