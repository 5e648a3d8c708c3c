"""Build the roles of an installation on a message bus: gateway, worker, deliver."""

from __future__ import annotations

from worker.runtime.metrics import Metrics
from worker.runtime.service import Service
from worker.runtime.settings import Settings
from worker.runtime.start import Patience


def build_gateway(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that writes what it receives to topics."""
    raise NotImplementedError


def build_worker(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that reads topics and assesses patients."""
    raise NotImplementedError


def build_deliver(settings: Settings, metrics: Metrics, patience: Patience) -> Service:
    """Build the role that sends notices."""
    raise NotImplementedError
