"""An archive made with odil, for Debian's own Python: odil_scp.py PORT HOLDINGS. One association at a time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import odil

LEVELS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
Command = odil.messages.Message.Command


class Answers(odil.FindSCP.DataSetGenerator):  # type: ignore[misc]
    """The holdings that match a query, each value of its level once."""

    def __init__(self, holdings: list[dict[str, str]]) -> None:
        super().__init__()
        self.holdings = holdings
        self.rows: list[dict[str, str]] = []

    def initialize(self, message: Any) -> None:
        keys = odil.messages.CFindRequest(message).get_data_set()
        asked = {name: _text(keys, name) for name in (*LEVELS.values(), "StudyDate")}
        own = LEVELS[_text(keys, "QueryRetrieveLevel")]
        first, _, last = asked.pop("StudyDate").partition("-")
        rows = {}
        for held in self.holdings:
            dated = not first or first <= held["StudyDate"] <= (last or first)
            if dated and all(not asked[name] or held[name] == asked[name] for name in asked):
                rows[held[own]] = {name: held[name] for name in LEVELS.values() if asked[name] or name == own}
        self.rows = list(rows.values())

    def done(self) -> bool:
        return not self.rows

    def next(self) -> None:
        self.rows.pop(0)

    def get(self) -> Any:
        row = odil.DataSet()
        for name, value in self.rows[0].items():
            row.add(name, [value])
        return row

    def count(self) -> int:
        return len(self.rows)


def _text(keys: Any, name: str) -> str:
    if not keys.has(name) or keys.empty(name):
        return ""
    return bytes(keys.as_string(name)[0]).decode("ascii").strip("\0 ")


def serve(port: int, holdings: list[dict[str, str]]) -> None:
    """One association, to its end."""
    association = odil.Association()
    association.receive_association("v4", port)
    while True:
        message = association.receive_message()
        if message.get_command_field() == Command.C_ECHO_RQ:
            echo = odil.EchoSCP(association)
            echo.set_callback(lambda _: 0)
            echo(message)
        elif message.get_command_field() == Command.C_FIND_RQ:
            find = odil.FindSCP(association)
            answers = Answers(holdings)  # odil keeps no reference to it
            find.set_generator(answers)
            find(message)


if __name__ == "__main__":
    held = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    while True:
        try:
            serve(int(sys.argv[1]), held)
        except odil.Exception as ending:  # released, aborted, or nothing came
            sys.stderr.write(f"{type(ending).__name__} {ending}\n")
