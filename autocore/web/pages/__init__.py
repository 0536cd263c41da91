"""Pages for people, drawn by the server. The pages of plugins come last: their addresses are whatever is left."""

from autocore.web.pages import (
    account,
    backup,
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
    tls,
)

_CORE = (account, entities, devices, developer, services, logs, monitoring, configuration, backup, people, settings, tls)
_ALL = (static, look, *_CORE, shell)
ROUTES = [handler for module in _ALL for handler in module.ROUTES]
