import json

import pytest

from autocore.core.errors import InvalidData
from autocore.simulator.rules import BoardRules, ChannelRules, LinkLoss, SafeState, read_configuration
from autocore.simulator.wire import ChannelType


def document(channels: dict[str, object], **section: object) -> bytes:
    return json.dumps({"version": 7, "hash": "x", "sections": {"relays": {"channels": channels, **section}}}).encode()


def test_a_configuration_sets_the_limits_of_the_channels_that_it_names():
    said = {"type": "pulse", "safe_state": "keep", "link_loss": "hold 30", "max_on_s": 2.5, "colour": "red"}
    configuration = read_configuration(document({"3": said}, link_timeout_s=2))
    rules = configuration.rules(BoardRules(needs_configuration=True))
    assert configuration.version == 7
    assert rules.of(3) == ChannelRules(ChannelType.PULSE, SafeState.KEEP, LinkLoss("hold", 30_000), 2_500)
    assert rules.of(4) == ChannelRules()
    assert (rules.link_timeout_ms, rules.needs_configuration) == (2_000, True)


def test_a_configuration_without_a_section_for_relays_leaves_the_limits():
    rules = BoardRules(channels={1: ChannelRules(max_on_ms=5)})
    assert read_configuration(b'{"version": "a", "sections": {"display": {}}}').rules(rules) is rules


@pytest.mark.parametrize(
    "channels",
    [
        pytest.param({"17": {}}, id="a channel that the board does not have"),
        pytest.param({"one": {}}, id="a channel that is no number"),
        pytest.param({"1": {"link_loss": "hold"}}, id="a hold without its seconds"),
        pytest.param({"1": {"link_loss": "off 3"}}, id="off for a time"),
        pytest.param({"1": {"type": "momentary", "safe_state": "on"}}, id="held by nobody"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(channels: dict[str, object]):
    with pytest.raises(InvalidData):
        read_configuration(document(channels)).rules(BoardRules())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"version": null}',
        b"\xff",
        document({"1": {"max_on_s": -1}}),
        document({"1": {"type": "x"}}),
    ],
)
def test_what_is_no_configuration_is_refused(payload: bytes):
    with pytest.raises(InvalidData):
        read_configuration(payload)
