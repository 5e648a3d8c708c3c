"""A value that an object works out where somebody asks for it first. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class once(Generic[Owner, Value]):  # noqa: N801  it is used as a decorator
    """As `functools.cached_property` without its lock, which costs more in Python 3.11 than most of what a sentence keeps."""

    def __init__(self, work: Callable[[Owner], Value]) -> None:
        """Take what works the value out."""
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...

    @overload
    def __get__(self, owner: Owner, kind: type[Any]) -> Value: ...

    def __get__(self, owner: Owner | None, kind: type[Any]) -> Self | Value:
        """Work the value out and put it in this descriptor's place."""
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._work(owner)
        return value
