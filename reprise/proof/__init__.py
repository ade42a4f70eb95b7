"""The proof that a recorded run can be reproduced. If it cannot, the difference is named."""
