"""Words that pages show but that no template spells out: labels of forms that schemas draw, roles, states of plugins."""

from __future__ import annotations

from autocore.core.names import N_

WORDS = (
    N_("Entity"),
    N_("Confirm"),
    N_("Pin"),
    N_("Value"),
    N_("Option"),
    N_("Brightness"),
    N_("Position"),
    N_("Text"),
    N_("Title"),
    N_("Severity"),
    N_("Key"),
    N_("info"),
    N_("warning"),
    N_("error"),
    N_("critical"),
    N_("viewer"),
    N_("operator"),
    N_("technician"),
    N_("admin"),
    N_("running"),
    N_("failed"),
    N_("quarantined"),
    N_("stopped"),
    N_("yes"),
    N_("no"),
    N_("Done."),
    N_("Saved."),
    N_("this is not a number"),
    N_("this is not a whole number"),
    N_("this is not JSON"),
    N_("Tell whoever owns the vehicle, on every channel."),
)
