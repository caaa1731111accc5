"""The models behind the pages: loaded in the background when somebody first wants them, and
exchanged for others when somebody chooses those.

A choice is of the visitor who makes it: models stay here by their names for all who chose them, and
those that nobody has a run on leave when others have no room beside them. Whoever chooses nothing,
and programs, get those that the process was started with.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, TypeVar

from ttc_explorer import __version__
from ttc_explorer.experiments.solver import Solver
from ttc_explorer.models.described_models import ModelSetDescription
from ttc_explorer.models.hub import OnProgress
from ttc_explorer.models.protocol import InsufficientMemory, ModelError
from ttc_explorer.problems.problem import BadInput
from ttc_explorer.search.model_facts import ModelFacts
from ttc_explorer.search.strategy import unavailable_reason
from ttc_explorer.serving.limits import SHIPPED_GENERATORS, Limits
from ttc_explorer.serving.local_run_service import LocalRunService
from ttc_explorer.serving.outcome_learner import OutcomeLearner
from ttc_explorer.serving.run_service import RunService

log = logging.getLogger(__name__)

ALREADY_LOADING = "Models are being loaded already: wait until they are here."
LOAD_FAILED = (
    "These models could not be loaded because something went wrong here that should not have."
)
LOADING = "Loading …"


@dataclass(frozen=True)
class LoadedModels:
    """The models that somebody uses, and the service that runs them. ``name`` is what was chosen,
    None for the shipped models; ``own`` whether they are one visitor's alone; ``seconds`` how long
    loading took."""

    service: RunService
    name: str | None = None
    own: bool = False
    seconds: float = 0.0

    @property
    def facts(self) -> ModelFacts:
        """What the models are and can do."""
        return self.service.facts

    @property
    def model(self) -> str:
        """The generator's name."""
        return self.facts.model

    @property
    def verifier(self) -> str | None:
        """The verifier's name, None without one."""
        return self.facts.verifier

    def missing(self, strategy: str) -> str:
        """Why a strategy cannot run with these models, in a sentence; empty if it can."""
        return self.facts.missing(strategy)


class ModelSelection:
    """Which models somebody uses: those of ``name``, None for those that everybody begins with, or
    ``own`` ones, which nobody else may use. Kept in a visitor's session; only the model manager
    looks inside."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.own: LoadedModels | None = None
        self.pending_load: Future[None] | None = (
            None  # not the models: those unloaded must be freed
        )
        self.progress = self.failure = ""


Loaded = TypeVar("Loaded")
"""Models that were loaded: a Solver in this process, or a worker process."""


DescribeFunction = Callable[[str, Sequence[RunService]], ModelSetDescription]
"""What the models of a name are, asked of one of the services that are open, or worked out."""


def describe_here(name: str, services: Sequence[RunService]) -> ModelSetDescription:
    """Worked out in this process, with torch."""
    from ttc_explorer.models.model_description import describe

    return describe(name)


def _local_service(solver: Any, name: str | None, limits: Limits) -> RunService:
    return LocalRunService(solver.driver(), limits)


class ModelManager:
    """``load(name, on_progress)`` loads the models of a name, and reports progress; ``load()``
    those that are shipped. It may take long, and may raise ModelError or BadInput. ``make_service``
    makes the service of what was loaded: a Solver in this process, where nothing else is said.
    ``describe`` says what models are. ``initial_name`` names the models to begin with, the shipped
    ones if it is None. ``learner``
    records how runs of ``auto`` end, ``limits`` say what visitors may ask for, and
    ``unload_except`` unloads all models but those of the names that it is given.

    The methods take the choice of a visitor; without one they are about the models of everybody.
    """

    def __init__(
        self,
        load: Callable[..., Loaded],
        learner: OutcomeLearner | None = None,
        limits: Limits | None = None,
        make_service: Callable[[Loaded, str | None, Limits], RunService] = _local_service,
        initial_name: str | None = None,
        unload_except: Callable[[Collection[str]], None] = lambda names: None,
        describe: DescribeFunction = describe_here,
    ) -> None:
        self._describe = describe
        self._initial_name = initial_name
        self.learner = learner
        self.limits = limits or Limits()

        def open_service(name: str | None, on_progress: OnProgress) -> RunService:
            loaded = load() if name is None else load(name, on_progress)
            return make_service(loaded, name, self.limits)

        self._open_service = open_service
        self._unload_except = unload_except
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="models")
        self._shared_selection = ModelSelection()
        self._loaded_by_name: dict[
            str | None, LoadedModels
        ] = {}  # by name; only the worker's thread writes here

    def start_loading(self, selection: ModelSelection | None = None) -> None:
        """Start to load, unless that has been done, and return at once. A failed load is tried
        again."""
        target = self._selection_for(selection)
        with self._lock:
            if self.ready(selection) is None and (
                target.pending_load is None or target.pending_load.done()
            ):
                target.pending_load = self._worker.submit(self._ensure_loaded, target, target.name)

    def wait(
        self, seconds: float | None = None, selection: ModelSelection | None = None
    ) -> LoadedModels | None:
        """The models; None if they are on their way even ``seconds`` from now. Raises what loading
        raised."""
        target = self._selection_for(selection)
        while (ready := self.ready(selection)) is None:
            if target.pending_load is None or (
                target.pending_load.done() and not target.pending_load.exception()
            ):  # or unloaded
                self.start_loading(selection)
            assert target.pending_load is not None
            try:
                target.pending_load.result(seconds)
            except Unfinished:
                return None
        return ready

    def ready(self, selection: ModelSelection | None = None) -> LoadedModels | None:
        """The models if they have been loaded. Neither waits nor raises."""
        target = self._selection_for(selection)
        if selection is not None and selection.own is not None:
            return selection.own
        still_loading = target.pending_load is not None and not target.pending_load.done()
        return None if still_loading else self._loaded_by_name.get(target.name)

    def shipped(self, selection: ModelSelection | None = None) -> bool:
        """Whether the models are shipped ones, loaded or on their way; they know our kinds of
        problems and no others."""
        return self.name(selection).partition("+")[0] in SHIPPED_GENERATORS and (
            selection is None or selection.own is None
        )

    def name(self, selection: ModelSelection | None = None) -> str:
        """The name of the models, loaded or on their way."""
        if selection is not None and selection.own is not None:
            return selection.own.model
        return self._selection_for(selection).name or self._default_name

    def missing(self, strategy: str, selection: ModelSelection | None = None) -> str:
        """Why a strategy cannot run with the models, in a sentence; empty if it can, or nobody
        knows yet. Before they are loaded their name tells: a folder, an address or a Hugging Face
        name brings no verifier along.

        Args:
            strategy: Its name.
            selection: Whose models.
        """
        loaded = self.ready(selection)
        if loaded is not None:
            return loaded.missing(strategy)
        name = self._selection_for(selection).name or self._default_name
        alone = "/" in name and "+" not in name
        return unavailable_reason(strategy, True, not alone, True)

    def describe(self, name: str) -> ModelSetDescription:
        """What the models of a name are, which need not be loaded. Raises ModelError or BadInput
        for no name."""
        services = [loaded.service for loaded in list(self._loaded_by_name.values())]
        return self._describe(name, services)

    def status(self) -> dict[str, object]:
        """How the whole stands, for everybody to see: the ``version``, the ``model`` that everybody
        begins with (None while it is on its way), and the runs of all models in progress
        (``running``) and in line (``waiting``)."""
        services = [loaded.service for loaded in list(self._loaded_by_name.values())]
        shared = self.ready()
        return {
            "version": __version__,
            "model": shared and shared.model,
            "running": sum(map(len, services)),
            "waiting": sum(service.waiting() for service in services),
        }

    def progress(self, selection: ModelSelection | None = None) -> str:
        """How far loading is, in a line."""
        return self._selection_for(selection).progress

    def failure(self, selection: ModelSelection | None = None) -> str:
        """Why what was chosen last could not be had, in a sentence; empty if it could."""
        return self._selection_for(selection).failure

    def choose(self, name: str, selection: ModelSelection | None = None) -> None:
        """Start to exchange the models for those of that name, and return at once. Raises BadInput.

        Those that all pages share go first, when runs in progress have ended: both together might
        not fit. If the new ones cannot be had, the old ones stay or come back, and ``failure`` says
        why.
        """
        self.limits.check_model(name)
        target = self._selection_for(selection)
        with self._lock:
            if target.pending_load is not None and not target.pending_load.done():
                raise BadInput(ALREADY_LOADING)
            target.progress, target.failure = LOADING, ""
            target.pending_load = self._worker.submit(
                self._replace_models, target, self._cache_key(name)
            )
        if selection is not None:
            self.drain_and_close(selection)

    def name_in_links(self, selection: ModelSelection | None = None) -> str:
        """What a link calls the models; empty for those that everybody begins with, and for those
        that a link may not name."""
        name = self.name(selection)
        return name if name != self._default_name and self._is_listed(name) else ""

    def follow_link(self, name: str, selection: ModelSelection | None) -> None:
        """Use the models that a link names, if others are used.

        Args:
            name: what ``name_in_links`` gave; empty for those that everybody begins with.
            selection: the visitor's.

        Raises:
            BadInput: they are not of the list: following a link must not load what somebody else
                chose to put on the internet.
        """
        wanted = name or self._default_name
        if selection is None or wanted == self.name(selection):
            return
        if wanted != self._default_name and not self._is_listed(wanted):
            raise BadInput(
                "A link can only use the shipped models, or those listed in TTC_MODELS: choose the "
                "model on the Models page."
            )
        self.choose(wanted, selection)

    def _is_listed(self, name: str) -> bool:
        return name in (*SHIPPED_GENERATORS, *(self.limits.models or ()))

    def adopt(self, solver: Solver, name: str, selection: ModelSelection) -> LoadedModels:
        """Give a visitor models of their own, such as they have an account for, until they choose
        others. They are nowhere but in ``selection``."""
        self.drain_and_close(selection)
        service = LocalRunService(solver.driver(), self.limits)
        selection.own = LoadedModels(service, name, own=True)
        return selection.own

    def drain_and_close(self, selection: ModelSelection) -> None:
        """Unload a visitor's own models, if they have any, once their runs have ended."""
        own, selection.own = selection.own, None
        if own is not None:
            Thread(target=own.service.drain_and_close, name="leaving", daemon=True).start()

    def _selection_for(self, selection: ModelSelection | None) -> ModelSelection:
        """The selection that counts."""
        return self._shared_selection if selection is None else selection

    def _cache_key(self, name: str) -> str | None:
        """The models that everybody begins with have no second name, and so no second service."""
        return None if name == self._default_name else name

    @property
    def _default_name(self) -> str:
        return self._initial_name or SHIPPED_GENERATORS[0]

    # --- on the worker's thread -------------------------------------------------------------------

    def _replace_models(self, target: ModelSelection, key: str | None) -> None:
        if target is self._shared_selection:
            self._unload(target.name, target)
        try:
            self._ensure_loaded(target, key)
            target.name = key
            return
        except (BadInput, ModelError) as error:
            target.failure = str(error)
        except Exception:
            log.exception("models could not be loaded")
            target.failure = LOAD_FAILED
        self._ensure_loaded(target, target.name)

    def _ensure_loaded(self, target: ModelSelection, key: str | None) -> None:
        """Have the models of a name. Others that have no run go if there is no room beside them."""
        target.progress = LOADING
        while key not in self._loaded_by_name:
            try:
                self._loaded_by_name[key] = self._load(target, key)
            except InsufficientMemory:
                idle = [
                    name
                    for name, loaded in self._loaded_by_name.items()
                    if name and not len(loaded.service)
                ]
                if not idle:
                    raise
                self._unload(idle[0], target)

    def _unload(self, key: str | None, target: ModelSelection) -> None:
        """Let runs in progress end, and unload the models of a name."""
        loaded = self._loaded_by_name.pop(key, None)
        if loaded is None:
            return
        if count := len(loaded.service):
            runs = "1 run" if count == 1 else f"{count} runs"
            target.progress = f"Waiting for {runs} on the old models to end …"
        loaded.service.drain_and_close()

    def _load(self, target: ModelSelection, key: str | None) -> LoadedModels:
        start_time, name = time.monotonic(), key or self._initial_name

        def on_progress(line: str) -> None:
            target.progress = line

        self._unload_except([other or self._default_name for other in (*self._loaded_by_name, key)])
        service = self._open_service(name, on_progress)
        return LoadedModels(service, name, seconds=time.monotonic() - start_time)
