"""Invalid arguments of the command line are reported before anything starts."""

from __future__ import annotations

import socket

import pytest

from aristobot.__main__ import main
from aristobot.settings import Settings
from aristobot.supervision.ports import check_ports
from tests.support.ports import neighbours


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["paper", "--port", "99999"], "99999 is not between 1 and 65533"),
        (["paper", "--port", "0"], "0 is not between 1 and 65533"),
        (["paper", "--port", "many"], "invalid port value: 'many'"),
        (["paper", "--speed", "0"], "0 is not above zero"),
        (["run", "--speed", "inf"], "inf is not above zero"),
        (["run", "faster"], "unrecognized arguments: faster"),
        (["terminal", "kitchen"], "invalid choice: 'kitchen'"),
    ],
)
def test_a_word_that_is_none_is_refused(capsys, given, says):
    """The exit code is 2, the code for a command that could not be carried out."""
    with pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_the_usage_shown_is_that_of_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--prt", "3"])
    said = capsys.readouterr().err
    assert "usage: aristobot run" in said
    assert "unrecognized arguments: --prt 3" in said


@pytest.mark.parametrize("command", ["list", "invite", "reset-password", "forget"])
def test_each_command_about_users_has_a_help_of_its_own(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main(["user", command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: aristobot user {command}" in said
    assert ("the user's name" in said) is (command not in {"list", "invite"})


@pytest.mark.parametrize("setting", ["WEB", "WEBHOOK", "PAPER"])
def test_a_port_in_use_is_named_with_its_setting_before_anything_starts(capsys, monkeypatch, tmp_path, setting):
    first = neighbours(5)
    ports = {"WEB": first, "WEBHOOK": first + 1, "PAPER": first + 2}
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    for name, port in ports.items():
        monkeypatch.setenv(f"ARISTOBOT_{name}_PORT", str(port))
    check_ports(Settings.read())
    # Paper takes three: its control and, above it, the APIs of Binance and Bitget.
    taken = ports[setting] + 2 * (setting == "PAPER")
    with socket.create_server(("127.0.0.1", taken)):
        assert main(["run"]) == 2
    said = capsys.readouterr()
    assert f"port {taken} on 127.0.0.1 cannot be used" in said.err
    assert f"set ARISTOBOT_{setting}_PORT to another" in said.err
    assert said.out == ""


def test_a_port_is_not_given_twice(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ARISTOBOT_HOME", str(tmp_path))
    for name in ("WEB", "WEBHOOK"):
        monkeypatch.setenv(f"ARISTOBOT_{name}_PORT", str(neighbours(1)))
    monkeypatch.setenv("ARISTOBOT_WEBHOOK_PORT", str(Settings.read().web_port))
    assert main(["run"]) == 2
    assert "is used twice, by ARISTOBOT_WEB_PORT and ARISTOBOT_WEBHOOK_PORT" in capsys.readouterr().err


def test_a_home_that_cannot_be_made_is_named(capsys, monkeypatch):
    monkeypatch.setenv("ARISTOBOT_HOME", "/proc/aristobot")
    monkeypatch.delenv("ARISTOBOT_SECRET_KEY", raising=False)
    assert main(["run"]) == 2
    assert "ARISTOBOT_HOME /proc/aristobot cannot be used" in capsys.readouterr().err
