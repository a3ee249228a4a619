"""Blobs: bytes named by their SHA-256, kept once and never changed."""

from newral_coordinator.blobs.disk import DiskBlobStore
from newral_coordinator.blobs.store import (
    BlobError,
    BlobMismatch,
    BlobNotFound,
    BlobStore,
    BlobTooLarge,
)

__all__ = [
    "BlobError",
    "BlobMismatch",
    "BlobNotFound",
    "BlobStore",
    "BlobTooLarge",
    "DiskBlobStore",
]
