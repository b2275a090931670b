"""Frozen dataclasses made of JSON's values: checked, and quick enough for thousands.

Pure. Knows no class of its own; `manifest` says which values belong to which.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")

# The simple types of fields, as annotated.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
}


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """What to take over from values of these names, looked up once: a listing has thousands.

    `simple` gets the values of simple types, `types` holds every combination that they may have.
    """

    unknown: tuple[str, ...]
    simple: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    types: frozenset[tuple[type, ...]]


@lru_cache(maxsize=256)
def _fit(kind: type[Any], names: tuple[str, ...]) -> _Fit:
    """Return how values of these names fit a class.

    Raises: TypeError when one that it must have is missing.
    """
    every = {f.name: f for f in fields(kind)}
    required = {name for name, f in every.items() if f.default is MISSING}
    if not required.issubset(names):
        raise TypeError(f"a field of {kind.__name__} is missing")
    simple = {n: _TYPES[str(every[n].type)] for n in names if n in every and _is_simple(every[n])}
    return _Fit(
        unknown=tuple(name for name in names if name not in every),
        simple=itemgetter(*simple),
        types=frozenset(product(*simple.values())),
    )


def _is_simple(of: Field[Any]) -> bool:
    return str(of.type) in _TYPES


def built(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """Return a frozen dataclass's instance; texts are texts in it, and numbers numbers.

    What the class does not know is passed over: a later version's manifest may have more.
    Its own constructor sets one field after the other, which takes three times as long;
    what is missing is the class's own default.

    Raises: TypeError for a wrong type, or when something is missing.
    """
    fit = _fit(kind, tuple(values))  # type: ignore[arg-type]  # every class can be hashed
    # JSON gives no subclasses of these types but bool, which is no number here
    if tuple(map(type, fit.simple(values))) not in fit.types:
        raise TypeError(f"a field of {kind.__name__} is of the wrong type")
    made = object.__new__(kind)
    state = made.__dict__
    state.update(values)
    for name in fit.unknown:
        del state[name]
    return made
