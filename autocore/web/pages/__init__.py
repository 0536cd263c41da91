"""Pages for people, drawn by the server. The pages of plugins come last: their addresses are whatever is left."""

from autocore.web.pages import (
    account,
    configuration,
    developer,
    devices,
    entities,
    logs,
    look,
    monitoring,
    people,
    services,
    settings,
    shell,
    static,
)

_ALL = (static, look, account, entities, devices, developer, services, logs, monitoring, configuration, people, settings, shell)
ROUTES = [handler for module in _ALL for handler in module.ROUTES]
