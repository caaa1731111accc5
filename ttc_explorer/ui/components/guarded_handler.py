"""What goes wrong in a handler becomes one sentence on the page, and never a broken page."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from ttc_explorer.models.protocol import ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.ui.components.messages import banner

log = logging.getLogger(__name__)

ComponentUpdates = dict[Any, Any]
"""Component -> its new value: what a handler changes on the page."""

INTERNAL_ERROR_MESSAGE = (
    "Something went wrong here that should not have; nothing is wrong with what you typed. Try "
    "again."
)

Handler = TypeVar("Handler", bound=Callable[..., ComponentUpdates | Iterator[ComponentUpdates]])


def error_sentence(error: Exception, where: str) -> str:
    """What to tell people of an error: its own sentence if it is about their input or a model, else
    that it is our fault, and then it is logged.

    Args:
        error: what was raised.
        where: the handler's name, for the log.
    """
    if isinstance(error, BadInput | ModelError):
        return str(error)
    log.error("%s failed", where, exc_info=error)
    return INTERNAL_ERROR_MESSAGE


def guarded(
    place: str = "banner", kind: str = "alert", clear: tuple[str, ...] = ()
) -> Callable[[Handler], Handler]:
    """A decorator for the handlers of a page, those that return updates and those that yield them.

    Args:
        place: attribute of the page with the component where the sentence stands.
        kind: how a sentence about the input looks there, ``alert`` or ``note``.
        clear: attributes of components that are emptied when something went wrong.
    """

    def error_updates(page: object, error: Exception, name: str) -> ComponentUpdates:
        sentence = error_sentence(error, name)
        shown = banner(sentence, kind if sentence != INTERNAL_ERROR_MESSAGE else "alert")
        emptied = {getattr(page, attribute): "" for attribute in clear}
        return emptied | {getattr(page, place): shown}

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def guard(page: object, *values: Any, **named: Any) -> Any:
            try:
                return handler(page, *values, **named)
            except Exception as error:
                return error_updates(page, error, handler.__qualname__)

        @functools.wraps(handler)
        def guard_stream(page: object, *values: Any, **named: Any) -> Iterator[ComponentUpdates]:
            try:
                yield from cast(Iterator[ComponentUpdates], handler(page, *values, **named))
            except Exception as error:
                yield error_updates(page, error, handler.__qualname__)

        return cast(Handler, guard_stream if inspect.isgeneratorfunction(handler) else guard)

    return decorate
