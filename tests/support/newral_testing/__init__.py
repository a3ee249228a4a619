"""Helpers that several test suites share: importable as `newral_testing` in every test."""
