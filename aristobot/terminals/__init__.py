"""The terminals: one operating-system process per responsibility, each started by `aristobot terminal NAME`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Terminal:
    """The module with a terminal's `run`, the database role it connects as, and the number of connections it needs."""

    module: str
    role: str
    connections: int = 4


TERMINALS = {
    "gateway": Terminal("aristobot.terminals.gateway.terminal", "aristobot_writer", connections=8),
    "heartbeat": Terminal("aristobot.terminals.heartbeat.terminal", "aristobot_writer"),
    "monitor": Terminal("aristobot.terminals.monitor", "aristobot_web"),
    "projector": Terminal("aristobot.terminals.projector", "aristobot_projector"),
    "web": Terminal("aristobot.terminals.web", "aristobot_web", connections=8),
    "engine": Terminal("aristobot.terminals.engine.terminal", "aristobot_writer"),
    "receiver": Terminal("aristobot.terminals.receiver.terminal", "aristobot_writer"),
    "alerts": Terminal("aristobot.terminals.alerts.terminal", "aristobot_writer"),
}
"""All terminals, in the order in which they are started."""
BACKUP = "backup"
WATCHED = (*TERMINALS, BACKUP)
"""All whose signs of life are watched: the terminals and the daily backup."""
