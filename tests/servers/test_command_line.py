"""Invalid arguments of the command line are reported before anything starts."""

from __future__ import annotations

import pytest

from aristobot.__main__ import main


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["paper", "--port", "99999"], "99999 is not between 1 and 65534"),
        (["paper", "--port", "0"], "0 is not between 1 and 65534"),
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
