"""Policy, verdicts, promotions and history of registered models."""
