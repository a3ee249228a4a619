"""Newral: what people import and type.

`Client` is asynchronous, `SyncClient` has the same methods for programs without an event loop.
Both are imported on first use, so that `import newral` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newral.client import Client as Client
    from newral.errors import InvalidOutput as InvalidOutput
    from newral.errors import JobFailed as JobFailed
    from newral.errors import JobRefused as JobRefused
    from newral.errors import JobTimeout as JobTimeout
    from newral.errors import NewralError as NewralError
    from newral.jobs import Job as Job
    from newral.jobs import JobView as JobView
    from newral.jobs import Output as Output
    from newral.sync_client import SyncClient as SyncClient
    from newral_spec.keys import SecretKey as SecretKey
    from newral_spec.messages import Feedback as Feedback
    from newral_spec.messages import Stage as Stage

__version__ = "0.1.0"

_HOME = {
    "Client": "newral.client",
    "Feedback": "newral_spec.messages",
    "InvalidOutput": "newral.errors",
    "Job": "newral.jobs",
    "JobFailed": "newral.errors",
    "JobRefused": "newral.errors",
    "JobTimeout": "newral.errors",
    "JobView": "newral.jobs",
    "NewralError": "newral.errors",
    "Output": "newral.jobs",
    "SecretKey": "newral_spec.keys",
    "Stage": "newral_spec.messages",
    "SyncClient": "newral.sync_client",
}

__all__ = [
    "Client",
    "Feedback",
    "InvalidOutput",
    "Job",
    "JobFailed",
    "JobRefused",
    "JobTimeout",
    "JobView",
    "NewralError",
    "Output",
    "SecretKey",
    "Stage",
    "SyncClient",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'newral' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
