"""The configuration: YAML with a place for every fault, the core's sections typed, the plugins' sections as written."""

from autocore.core.config.loader import Config, config_of, load, place_of, read
from autocore.core.config.sections import CORE_SECTIONS, Sections
from autocore.core.config.validation import validate

__all__ = ["CORE_SECTIONS", "Config", "Sections", "config_of", "load", "place_of", "read", "validate"]
