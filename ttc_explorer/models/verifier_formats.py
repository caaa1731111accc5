"""Input formats of published verifiers, and where their score stands; a format a class, which
registers itself, here or in somebody's own file (``extensions.py``).

Each writes the ids of a question and the steps after it up to the one token at which the score of
the last step is read, as the makers of the model do in their own code. ``StepVerifier``
(``local_verifiers.py``) takes care of reading every token once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias, TypeVar

from ttc_explorer.models.prompts import QWEN_MATH_SYSTEM_PROMPT, STEP_SEPARATOR, Message
from ttc_explorer.models.protocol import ModelError
from ttc_explorer.models.step_codec import StepCodec, supports_chat
from ttc_explorer.registry import Registry

if TYPE_CHECKING:  # the web process names formats, and has no torch
    from torch import Tensor, nn
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase


class VerifierFormat(Protocol):
    """``title`` says on screen what kind of verifier it is. ``sign_token_ids`` are the ids of ``+``
    and ``-``, where a plain language model judges by which of them it would write; None where a
    head of its own does."""

    title: str

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None: ...

    @property
    def sign_token_ids(self) -> tuple[int, int] | None: ...

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        """What the model reads; the score of the last step stands at the last id. Without steps,
        what can be read before the first is known."""
        ...


Head: TypeAlias = (
    'Literal["token_classifier", "sequence_classifier", "vocabulary", "words"]'
    "| Callable[[Path], nn.Module]"
)
"""What gives the score: a head that transformers loads, a function that reads one from the files of
the model's folder, or what the model writes when it is asked (``generative_verifier.py``)."""


class RegisteredFormat(Protocol):
    """What every kind of verifier says of itself. ``servable``: a server can give its score,
    too."""

    title: str
    head: ClassVar[Head]
    servable: ClassVar[bool]

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        """Whether a model is of this format, by its configuration, its files if they are here, and
        its name."""
        ...


class LocalVerifierFormat(RegisteredFormat, VerifierFormat, Protocol):
    """A format of a model that runs here and has a head."""

    def scores(self, outputs: Tensor) -> Tensor:
        """Scores (n,) in [0, 1] from the head's outputs (n, labels or vocabulary)."""
        ...


VERIFIER_FORMATS: Registry[type[RegisteredFormat]] = Registry("verifier format")
"""Name -> format, in the order in which they are asked whether a model is theirs."""

AnyFormat = TypeVar("AnyFormat", bound=RegisteredFormat)


def verifier_format(name: str) -> Callable[[type[AnyFormat]], type[AnyFormat]]:
    """Register the decorated class.

    Raises:
        BadInput: the name is taken, or no identifier.
    """

    def register(kind: type[AnyFormat]) -> type[AnyFormat]:
        VERIFIER_FORMATS.register(name, kind, kind.__module__)
        return kind

    return register


def _architecture(config: PreTrainedConfig) -> str:
    return (config.architectures or [""])[0]


VALUE_HEAD = "v_head.summary"
"""How TRL's value heads are called in a file of weights; Skywork's PRMs have one."""


def _is_language_model(config: PreTrainedConfig, name: str, *parts: str) -> bool:
    """Whether it is a plain language model with one of ``parts`` in its name: nothing in its files
    tells such a verifier from a generator."""
    return _architecture(config).endswith("ForCausalLM") and any(
        part in name.lower() for part in parts
    )


def _two_layer_head(folder: Path) -> nn.Module:
    from torch import nn

    from ttc_explorer.models.weight_tensors import load_linear

    parts = [load_linear(folder, f"score.{place}") for place in (0, 2)]
    return nn.Sequential(parts[0], nn.ReLU(), parts[1])


def _value_head(folder: Path) -> nn.Module:
    from ttc_explorer.models.weight_tensors import load_linear

    return load_linear(folder, VALUE_HEAD)


@verifier_format("qwen_math_prm")
class QwenMathPRMFormat:
    """Qwen2.5-Math-PRM (arXiv 2501.07301): a chat with Qwen2.5-Math's system prompt, in which every
    step is followed by ``<extra_0>``; probability of label 1 there."""

    title = "Qwen2.5-Math-PRM format: the chance that each step is right"
    sign_token_ids = None
    head: ClassVar[Head] = staticmethod(_two_layer_head)
    servable: ClassVar[bool] = True

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        return _architecture(config).endswith("ForProcessRewardModel")

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._codec = StepCodec(tokenizer, len(tokenizer), system=QWEN_MATH_SYSTEM_PROMPT)
        self._step_tag_id = _required_token_id(tokenizer, "<extra_0>")

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        ids = self._codec.prompt(question)
        for step in steps:
            ids = [*ids, *self._codec.tokenize_plain(step.strip()), self._step_tag_id]
        return ids

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(-1)[:, 1]


@verifier_format("math_shepherd")
class MathShepherdFormat:
    """Math-Shepherd (arXiv 2312.08935): question and steps as plain text, each step ending in the
    tag ``ки``; at the tag, the probability of the token ``+`` against ``-``."""

    title = "Math-Shepherd format: the chance that a solution can end right from here"
    head: ClassVar[Head] = "vocabulary"
    servable: ClassVar[bool] = True

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        return _is_language_model(config, name, "shepherd")

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._codec = StepCodec(tokenizer, len(tokenizer))
        plus, minus = tokenizer("+ -", add_special_tokens=False)["input_ids"][-2:]
        self.sign_token_ids = plus, minus

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        text = question.strip()
        if steps:
            text += " " + "\n".join(f"{step} ки" for step in steps)
        return self._tokenizer(self._codec.strip_special_tokens(text), verbose=False)["input_ids"]

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs[:, self.sign_token_ids].softmax(-1)[:, 0]


@verifier_format("rlhflow")
class RLHFlowFormat:
    """RLHFlow's PRMs (github.com/RLHFlow/RLHF-Reward-Modeling, math-rm): a chat in which the user
    says a step a turn, the first after the question, and the model answers ``+``; where it is about
    to answer, the probability of ``+`` against ``-``."""

    title = "RLHFlow format: the chance that a solution can end right from here"
    head: ClassVar[Head] = "vocabulary"
    servable: ClassVar[bool] = True

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        return _is_language_model(config, name, "rlhflow", "prm-deepseek-data", "prm-mistral-data")

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._codec = StepCodec(tokenizer, len(tokenizer))
        plus, minus = (tokenizer(sign, add_special_tokens=False)["input_ids"][-1] for sign in "+-")
        self.sign_token_ids = plus, minus

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        first = " ".join([question.strip(), *steps[:1]])
        messages: list[Message] = [{"role": "user", "content": first}]
        for step in steps[1:]:
            messages.append({"role": "assistant", "content": "+"})
            messages.append({"role": "user", "content": step})
        return self._codec.chat(messages)

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs[:, self.sign_token_ids].softmax(-1)[:, 0]


@verifier_format("skywork")
class SkyworkFormat:
    """Skywork-o1-Open-PRM (github.com/SkyworkAI/skywork-o1-prm-inference): the question on a line,
    then each step, tokenised alone, and a line end; the sigmoid of the value head there."""

    title = "Skywork format: the value of each step"
    sign_token_ids = None
    head: ClassVar[Head] = staticmethod(_value_head)
    servable: ClassVar[bool] = False

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        from ttc_explorer.models.weight_tensors import find_tensor

        has_head = folder is not None and find_tensor(folder, f"{VALUE_HEAD}.weight") is not None
        return _architecture(config).endswith("ForPrmModel") or has_head

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._codec = StepCodec(tokenizer, len(tokenizer))
        self._bos_ids = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        self._line_end = tokenizer("\n", add_special_tokens=False)["input_ids"][-1]

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        ids = [*self._bos_ids, *self._codec.tokenize_plain(f"{question}\n")]
        for step in steps:
            ids = [*ids, *self._codec.tokenize_plain(step), self._line_end]
        return ids

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs[:, 0].sigmoid()


@verifier_format("trl")
class TRLFormat:
    """Models of TRL's PRMTrainer: the bare question, then each step and a line end, each tokenised
    alone; probability of label 1 at the line end."""

    title = "TRL format: the chance that each step is right"
    sign_token_ids = None
    head: ClassVar[Head] = "token_classifier"
    servable: ClassVar[bool] = True

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        return _architecture(config).endswith("ForTokenClassification")

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._codec = StepCodec(tokenizer, len(tokenizer))
        self._bos_ids = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        ids = [*self._bos_ids, *self._codec.tokenize_plain(question)]
        for step in steps:
            ids = [*ids, *self._codec.tokenize_plain(step), *self._codec.tokenize_plain("\n")]
        return ids

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(-1)[:, 1]


class LinePRMFormat:
    """Verifiers of our own recipe, whose template puts the question on a line: then each step and
    its line end, tokenised together; probability of label 1 at the line end. ``rewrite_question``
    is the StepCodec's."""

    title = "a line a step: the chance that a solution ends right from here"
    sign_token_ids = None

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, rewrite_question: Callable[[str], str] = str
    ) -> None:
        self._codec = StepCodec(tokenizer, len(tokenizer), rewrite_question)

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        return [*self._codec.prompt(question), *chain.from_iterable(self._codec.steps(steps))]


@verifier_format("outcome_reward")
class OutcomeRewardFormat:
    """Outcome reward models that classify a text: the chat in which the model gives the solution,
    or, without a chat template, the pair of question and solution. One label is a reward, and its
    sigmoid the chance that it is the better one of two (Bradley–Terry); of two labels, the second
    is "right"."""

    title = "outcome reward model: judges whole solutions, only its score of the last step counts"
    sign_token_ids = None
    head: ClassVar[Head] = "sequence_classifier"
    servable: ClassVar[bool] = True

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        return _architecture(config).endswith("ForSequenceClassification")

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._codec = StepCodec(tokenizer, len(tokenizer))
        self._has_chat_template = supports_chat(tokenizer)

    def ids(self, question: str, steps: Sequence[str]) -> list[int]:
        solution = STEP_SEPARATOR.join(steps)
        if not self._has_chat_template:
            pair = (
                self._codec.strip_special_tokens(question),
                self._codec.strip_special_tokens(solution),
            )
            return self._tokenizer(*pair, verbose=False)["input_ids"]
        user_turn = [{"role": "user", "content": question}]
        if not steps:
            return self._codec.chat(user_turn)
        return self._codec.chat(
            [*user_turn, {"role": "assistant", "content": solution}], reply=False
        )

    def scores(self, outputs: Tensor) -> Tensor:
        return outputs[:, 0].sigmoid() if outputs.shape[1] == 1 else outputs.softmax(-1)[:, 1]


@verifier_format("generative")
class GenerativeFormat:
    """Any chat model, asked to check a solution in words (GenRM, arXiv 2408.15240)."""

    title = "a chat model that writes checks: the chance that it calls a solution so far right"
    head: ClassVar[Head] = "words"
    servable: ClassVar[bool] = True

    @staticmethod
    def matches(config: PreTrainedConfig, folder: Path | None, name: str) -> bool:
        return _architecture(config).endswith("ForCausalLM")


VERIFIER_FORMATS.put_first(("qwen_math_prm", "skywork"))  # a value head may sit on any model


def _required_token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    """The id of a token that the format cannot do without. Raises ModelError."""
    number = tokenizer.convert_tokens_to_ids(token)
    if not isinstance(number, int) or number == tokenizer.unk_token_id:
        raise ModelError(f"The verifier's tokenizer has no token {token}, which its format needs.")
    return number
