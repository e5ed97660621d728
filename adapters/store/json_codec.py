"""Frozen dataclasses as JSON and back, led by their type hints.

Enums are written by name, instants in UTC, sets sorted. When read, a missing field takes its default and an unknown
field is ignored, so that a row outlives a field being added (and the release before it). Errors name the field path.
Which types are stored, and where, is said in ``adapters.store.mapping``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
from collections.abc import Callable, Hashable
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from adapters.store.errors import UnreadableValue
from federation.errors import FederationError
from mpi.errors import MpiError

T = TypeVar("T")
Decoder = Callable[[Any], Any]


def to_json(value: object) -> Any:
    """The JSON value of a dataclass, enum, instant, date, tuple, set or plain value.

    Raises:
        TypeError: a type that has no stored form, or an instant without offset.
    """
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dt.datetime):
        return _instant_text(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [to_json(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(to_json(part) for part in value)
    if (names := _field_names(cast(Hashable, type(value)))) is not None:
        return {name: to_json(getattr(value, name)) for name in names}
    raise TypeError(f"no stored form for {type(value).__name__}")


@cache
def _field_names(kind: Any) -> tuple[str, ...] | None:
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def from_json(kind: type[T], data: object) -> T:
    """Read what ``to_json`` wrote for a value of this type.

    Raises:
        UnreadableValue: the text names the field, not the value.
    """
    try:
        return cast(T, _decoder(cast(Hashable, kind))(data))
    except UnreadableValue as error:
        raise UnreadableValue(f"{kind.__name__}.{error.path}" if error.path else kind.__name__) from None


def _instant_text(value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise TypeError("an instant without offset has no stored form")
    return value.astimezone(dt.UTC).isoformat()


def _instant(data: Any) -> dt.datetime:
    value = dt.datetime.fromisoformat(data)
    if value.tzinfo is None:
        raise UnreadableValue("")
    return value


@cache
def _decoder(kind: Any) -> Decoder:
    origin = get_origin(kind)
    if hasattr(kind, "__supertype__"):
        return _decoder(kind.__supertype__)
    if origin in (Union, types.UnionType):
        return _optional(kind)
    if origin is tuple:
        return _sequence(tuple, get_args(kind)[0])
    if origin is frozenset:
        return _sequence(frozenset, get_args(kind)[0])
    return _decoder_of_class(kind)


def _decoder_of_class(kind: Any) -> Decoder:
    if dataclasses.is_dataclass(kind):
        return _record(cast(type, kind))
    if issubclass(kind, Enum):
        return lambda data: kind[data]
    if kind is dt.datetime:
        return _instant
    if kind is dt.date:
        return dt.date.fromisoformat
    if kind is float:
        return _number
    return _plain(kind)


def _plain(kind: type) -> Decoder:
    def decode(data: Any) -> Any:
        if type(data) is not kind:
            raise UnreadableValue("")
        return data

    return decode


def _number(data: Any) -> float:
    if type(data) not in (int, float):
        raise UnreadableValue("")
    return float(data)


def _optional(kind: Any) -> Decoder:
    (inner,) = (part for part in get_args(kind) if part is not type(None))
    decode = _decoder(inner)
    return lambda data: None if data is None else decode(data)


def _sequence(collect: Callable[[Any], Any], item: Any) -> Decoder:
    decode = _decoder(item)
    return lambda data: collect(decode(part) for part in data)


def _record(kind: type) -> Decoder:
    hints = get_type_hints(kind)
    decoders = [(field.name, _decoder(hints[field.name])) for field in dataclasses.fields(kind)]

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise UnreadableValue("")
        values, name = {}, ""
        try:
            for name, decode_field in decoders:
                if name in data:
                    values[name] = decode_field(data[name])
        except UnreadableValue as error:
            raise UnreadableValue(f"{name}.{error.path}" if error.path else name) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UnreadableValue(name) from None
        return _make(kind, values)

    return decode


def _make(kind: type, values: dict[str, Any]) -> Any:
    try:
        return kind(**values)
    except (TypeError, ValueError, MpiError, FederationError) as error:
        # The text of a refused value may quote it, so only its kind goes on.
        raise UnreadableValue(f"<{type(error).__name__}>") from None
