"""The admin's pages: a shell whose navigation is made of panels, and the few pages that are the core's own."""

from autocore.web.pages import account, shell, static

ROUTES = [*static.ROUTES, *account.ROUTES, *shell.ROUTES]
