"""Tests of the platform; one folder per area."""
