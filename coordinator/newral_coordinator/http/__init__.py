"""The coordinator's HTTP server: blobs, the trail, and a page for people."""

from newral_coordinator.http.app import create_app
from newral_coordinator.http.blossom import MayUpload
from newral_coordinator.http.bounds import Bounds
from newral_coordinator.http.server import serve
from newral_coordinator.http.sources import (
    Balances,
    CheckpointSummary,
    JobSummary,
    MarketSnapshot,
    MarketSource,
    ProviderSummary,
    Totals,
    TrailSource,
    UnitCounts,
)

__all__ = [
    "Balances",
    "Bounds",
    "CheckpointSummary",
    "JobSummary",
    "MarketSnapshot",
    "MarketSource",
    "MayUpload",
    "ProviderSummary",
    "Totals",
    "TrailSource",
    "UnitCounts",
    "create_app",
    "serve",
]
