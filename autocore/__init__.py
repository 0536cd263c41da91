"""AutoCore: the gateway of a vehicle, a small core with everything else in plugins."""

__version__ = "0.1.0"
