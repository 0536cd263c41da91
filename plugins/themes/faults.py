"""What is wrong with a theme, or why it is not changed: a sentence that can be said in every language of the admin."""

from __future__ import annotations

from typing import Any

from autocore.api import InvalidData, Refused


class BadTheme(InvalidData):
    """A theme that cannot be; `text` is the sentence as the catalogues know it, `values` what stands in it."""

    def __init__(self, text: str, *, field: str = "", **values: Any) -> None:
        super().__init__(text % values, field=field)
        self.text = text
        self.values = values


class Kept(Refused):
    """A change that is refused; `text` is the sentence as the catalogues know it, `values` what stands in it.

    Codes: `conflict` (the configuration, the program or another theme holds the name), `contrast`, `active` (it is worn), `full`,
    `starting` (what is kept was not read), `unused` (of what is kept, this is left alone).
    """

    def __init__(self, text: str, *, code: str, **values: Any) -> None:
        super().__init__(text % values, code=code)
        self.text = text
        self.values = values
