"""An administrator reads the configuration over somebody's shoulder: no secret is on the screen."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autocore.builtin.shown import shown

HIDDEN = "the-hidden-one"


@pytest.mark.parametrize(
    "text",
    [
        f"telegram:\n  token: {HIDDEN}  # from the bot\n  chats: [1]\n",
        f'telegram: {{token: "{HIDDEN}", chats: [1]}}\n',
        f"telegram:\n  bot_token: |\n    {HIDDEN}\n    {HIDDEN}\n  chats: [1]\n",
        f"a: [{{Password: '{HIDDEN}'}}]\n",
        f"mqtt: {{broker: mqtt://van:{HIDDEN}@host:1883}}\n",
        f"a: {{secret: [one, {HIDDEN}]}}\n",
        f"a: {{token: &x {HIDDEN}, b: 1}}\n",
        f"broken: [\n  token: {HIDDEN}\nmqtt: mqtt://van:{HIDDEN}@host\n",
        f"api_key:   '{HIDDEN}' \nbroken: }}\n",
    ],
)
def test_a_secret_is_blotted_out_however_it_is_written(text: str) -> None:
    assert HIDDEN not in shown(text)
    assert "***" in shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "telegram: {token: !secret telegram_token}  # best\n",
        "auth:\n  secret_key: !env AUTOCORE_KEY\n",
        "telemetry:\n  readings: {engine/coolant: {name: Coolant}}\n# token: nothing\n",
        "",
        "mqtt: {broker: mqtt://host:1883}\n",
    ],
)
def test_everything_else_stays_as_it_is_written(text: str) -> None:
    assert shown(text) == text


@given(st.dictionaries(st.sampled_from(["token", "a", "my_password"]), st.text(min_size=1), min_size=1), st.booleans())
def test_no_way_of_writing_a_text_gets_past(values: dict[str, str], is_flow: bool) -> None:
    text = yaml.safe_dump({"x": values}, default_flow_style=is_flow, allow_unicode=True)
    there = yaml.safe_load(shown(text))["x"]
    assert all(there[key] == "***" for key in values if key != "a")
