"""The proof that a recorded run can be reproduced, or the name of what differs."""
