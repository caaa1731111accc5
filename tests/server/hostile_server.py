"""A server that only chats; its name, solutions and refusals are attacks on whoever shows them."""

from __future__ import annotations

from tests.fuzz.hostile_inputs import SCRIPTS
from tests.server.toy_server import ToyServer


class HostileServer(ToyServer):
    """It goes through the attacks in turn, a solution each: the first paragraph is the attack and
    ``mark`` with its number, the answer the attack. Once it ``refuses``, every reply is one."""

    def __init__(self):
        super().__init__({"completions"}, model=f"{SCRIPTS[1]} mark")
        self.refuses = False
        self._solutions = 0

    def _chat(self, body):
        if self.refuses:
            return 400, {}, {"error": {"message": f"{SCRIPTS[1]} refused"}}
        with self._lock:
            number = self._solutions % len(SCRIPTS)
            self._solutions += 1
        attack = SCRIPTS[number]
        content = f"{attack} mark{number:02}\n\n\\boxed{{{attack}}}"
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return 200, {}, {"choices": [choice], "usage": self._count(9, 9)}
