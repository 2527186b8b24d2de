"""Reading a published config.json: every key by name, with its kind, and a clear refusal of what cannot be honoured."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, cast

from ..errors import WeightError, did_you_mean
from ..spec import Activation, Head
from ..values import shortened

ACTIVATIONS: dict[str, Activation] = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}
PUBLISHED: dict[Activation, str] = {
    "relu": "relu", "gelu": "gelu", "gelu_tanh": "gelu_new", "quick_gelu": "quick_gelu", "silu": "silu", "tanh": "tanh",
}  # fmt: skip

MOST_LAYERS, MOST_LABELS, LARGEST = 10_000, 100_000, 1e300

# What the class that a checkpoint was saved from had on top. The rest of its name is the family's.
USES = {
    "LMHeadModel": "words",
    "ForCausalLM": "words",
    "ForConditionalGeneration": "words",
    "MTModel": "words",
    "DoubleHeadsModel": "words",
    "ForMaskedLM": "words",
    "ForPreTraining": "words",
    "ForSequenceClassification": "classes",
    "ForImageClassification": "classes",
    "ForObjectDetection": "objects",
    "ForTokenClassification": "labels",
    "ForQuestionAnswering": "span",
    "EncoderModel": "",
    "Model": "",
}


class Config:
    """A config.json that has been read. `tensors`: the names of the tensors beside it.

    Every method raises WeightError, with the file and the key, for a value that is missing or of the wrong kind.
    """

    def __init__(self, data: Mapping[str, Any], *, where: str = "config.json", tensors: Set[str] = frozenset()):
        self._data, self.where, self.tensors = data, where, tensors

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number of at least 1."""
        found = self._get(key, default)
        if type(found) is not int or found < 1:
            raise self.wrong(key, found, "a whole number of at least 1")
        return found

    def pair(self, key: str, default: int) -> tuple[int, int]:
        """Two counts; one stands for both."""
        found = self._get(key, default)
        both = found if isinstance(found, list) else [found, found]
        if len(both) != 2 or any(type(each) is not int or each < 1 for each in both):
            raise self.wrong(key, found, "a whole number of at least 1, or two of them")
        return both[0], both[1]

    def counts(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Several counts."""
        found = self._get(key, list(default))
        if not isinstance(found, list) or not found or any(type(each) is not int or each < 1 for each in found):
            raise self.wrong(key, found, "a list of whole numbers of at least 1")
        return tuple(found)

    def layers(self, key: str, default: int) -> int:
        """A number of layers: no more than there are tensors, where the file is known. What is made for each layer costs that much."""
        found, most = self.count(key, default), len(self.tensors) or MOST_LAYERS
        if found > most:
            said = f"{self.where}: {key} asks for {found:,} layers; there are {most:,} tensors."
            raise WeightError(said, "They are of different models.")
        return found

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number, nought too."""
        found = self._get(key, default)
        if type(found) is not int or found < 0:
            raise self.wrong(key, found, "a whole number")
        return found

    def number(self, key: str, default: float | None = None) -> float:
        """A number; JSON as it is read may also hold infinity, and what is none."""
        found = self._get(key, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) <= LARGEST:
            raise self.wrong(key, found, "a number")
        return float(found)

    def numbers(self, key: str) -> list[float]:
        """Several numbers."""
        found = self._get(key, None)
        if not isinstance(found, list):
            raise self.wrong(key, found, "a list of numbers")
        return [Config({key: each}, where=self.where).number(key) for each in found]

    def flag(self, key: str, default: bool) -> bool:
        """Yes or no."""
        found = self._get(key, default)
        if not isinstance(found, bool):
            raise self.wrong(key, found, "true or false")
        return found

    def activation(self, key: str, default: str | None = None) -> Activation:
        """A bend, by its published name."""
        found = str(self._get(key, default))[:60]
        if found not in ACTIVATIONS:
            raise WeightError(f"{self.where}: {key}: no activation {found!r} here.", did_you_mean(found, ACTIVATIONS))
        return ACTIVATIONS[found]

    def ids(self, key: str) -> tuple[int, ...]:
        """Token ids: one, several or none."""
        found = self._data.get(key)
        found = [] if found is None else [found] if type(found) is int else found
        if not isinstance(found, list) or not all(type(each) is int and each >= 0 for each in found):
            raise self.wrong(key, found, "token ids")
        return tuple(found)

    def runs(self, key: str) -> list[list[int]]:
        """Several runs of token ids."""
        found = self._data.get(key) or []
        if not isinstance(found, list) or not all(
            isinstance(run, list) and run and all(type(each) is int and each >= 0 for each in run) for run in found
        ):
            raise self.wrong(key, found, "lists of token ids")
        return found

    def anything(self, key: str) -> object:
        """What stands there, unchecked."""
        return self._data.get(key)

    def part(self, key: str) -> Config | None:
        """A table within, or None where there is none."""
        found = self._data.get(key)
        if found is not None and not isinstance(found, dict):
            raise self.wrong(key, found, "a table")
        return None if found is None else Config(cast(Mapping[str, Any], found), where=f"{self.where}: {key}", tensors=self.tensors)

    def over(self, later: Config) -> Config:
        """The same with what another says in the place of what this one does."""
        return Config({**self._data, **later._data}, where=later.where, tensors=self.tensors)

    def texts(self, key: str) -> list[str] | None:
        """Several words, or None."""
        found = self._data.get(key)
        if found is not None and not (isinstance(found, list) and all(isinstance(each, str) for each in found)):
            raise self.wrong(key, found, "a list of words")
        return found

    def word(self, key: str, default: str) -> str:
        """One word."""
        found = self._get(key, default)
        if not isinstance(found, str):
            raise self.wrong(key, found, "a word")
        return found

    def repeated(self, key: str, default: list[Any], *, of: tuple[str, ...]) -> list[str]:
        """Words that are told as [[words, times], ...], spelt out."""
        found = self._get(key, default)
        try:
            if sum(max(0, times) * len(group) for group, times in found) > MOST_LAYERS:
                raise self.wrong(key, found, f"for at most {MOST_LAYERS:,} layers")
            words = [str(word) for group, times in found for _ in range(times) for word in group]
        except (TypeError, ValueError):
            raise self.wrong(key, found, "a list of [words, times]") from None
        if not set(words) <= set(of):
            raise self.wrong(key, found, f"of {' and '.join(of)}")
        return words

    def null(self, key: str) -> bool:
        """Whether the key is there and holds nothing, which may mean another thing than a missing one."""
        return key in self._data and self._data[key] is None

    def ends(self, *ends: str) -> bool:
        """Whether the class that the file was saved from has a name that ends in one of these."""
        return any(name.endswith(ends) for name in (self.texts("architectures") or [])[:1])

    def has(self, key: str) -> bool:
        """Whether there is such a key, with something in it."""
        return self._data.get(key) is not None

    def only(self, **wanted: object) -> None:
        """Refuse what would change the arithmetic in a way that is not built here: each key must be absent, null or as given."""
        for key, value in wanted.items():
            if (found := self._data.get(key)) is not None and found != value:
                told = f"{key}={shortened(found)} is not built here; only {value!r} is."
                raise WeightError(f"{self.where}: {told}", "Use another checkpoint.")

    def made_by(self, name: str) -> None:
        """Refuse a file of another class than this one, where it says which: of several kinds of models with one model_type."""
        told = (self.texts("architectures") or [])[:1]
        if told and not told[0].endswith(name):
            raise WeightError(f"{self.where}: {told[0][:60]!r} is not built here; {name} is.", "Use a checkpoint of that.")

    def head(self, **heads: Head | None) -> tuple[Head, ...]:
        """The head that the file's class had: one of `heads` by its use, or none. Raises WeightError for a use not given."""
        names = self.texts("architectures") or []
        use = next((what for end, what in USES.items() if names and names[0].endswith(end)), None)
        use = next(iter(heads)) if not names else use
        if use == "":
            return ()
        found = heads.get(use or "?")
        if found is None:
            known = ", ".join(end for end, what in USES.items() if heads.get(what) or not what)
            raise WeightError(f"{self.where}: no head for {names[0][:60]!r} here.", f"What opens are classes that end in {known}.")
        return (found,)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of classes or labels, in the order of their numbers."""
        named = self._data.get("id2label")
        if isinstance(named, dict) and named:
            try:
                ordered = sorted((int(number), str(name)) for number, name in named.items())
            except ValueError:
                raise self.wrong("id2label", named, "numbers and names") from None
            if [number for number, _ in ordered] != list(range(len(ordered))):
                raise self.wrong("id2label", [number for number, _ in ordered], "the numbers from 0 on")
            return tuple(name for _, name in ordered)
        count = self.count("num_labels", 2)
        if count > MOST_LABELS:
            raise self.wrong("num_labels", count, f"at most {MOST_LABELS:,}")
        return tuple(f"LABEL_{number}" for number in range(count))

    @property
    def several(self) -> bool:
        """Whether classes are not exclusive."""
        return self._data.get("problem_type") == "multi_label_classification"

    @property
    def quantity(self) -> bool:
        """Whether what is scored is measured, not told apart."""
        return self._data.get("problem_type") == "regression"

    def wrong(self, key: str, found: object, wanted: str) -> WeightError:
        """What to say of a value that is not of the right kind."""
        return WeightError(f"{self.where}: {key} should be {wanted}: got {shortened(found)}.", "Is the file whole?")

    def _get(self, key: str, default: object) -> Any:
        found = self._data.get(key)
        if found is None and default is None:
            raise WeightError(f'{self.where}: "{key}" is missing.', "Is it the config.json of a model?")
        return default if found is None else found
