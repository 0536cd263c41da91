"""Pages for people, drawn by the server. The pages of plugins come last: their addresses are whatever is left."""

from autocore.web.pages import (
    account,
    audit,
    backup,
    configuration,
    developer,
    devices,
    entities,
    joining,
    logs,
    look,
    monitoring,
    own,
    people,
    services,
    settings,
    shell,
    static,
    stop,
    tls,
    wizard,
)

_CORE = (
    stop,
    account,
    wizard,
    entities,
    devices,
    joining,
    developer,
    services,
    logs,
    audit,
    monitoring,
    configuration,
    backup,
    people,
    settings,
    own,
    tls,
)
_ALL = (static, look, *_CORE, shell)
ROUTES = [handler for module in _ALL for handler in module.ROUTES]
