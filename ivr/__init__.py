"""Rxline: a programmable phone line for pharmacies."""

__version__ = "0.1.0"
