"""A synthetic hospital with known truth: patients, their courses, and what interfaces make of them."""
