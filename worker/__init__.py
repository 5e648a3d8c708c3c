"""Watch patients after a lumbar puncture: messages in, facts, episodes, findings and alerts out."""

__version__ = "0.1.0"
