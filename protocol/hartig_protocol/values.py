"""Values: small classes that nobody changes, of which dozens are made for each frame.

A frozen dataclass sets each field by a call, which costs several times what setting it plainly does: in simulated
neighbourhoods that was a tenth of all time. So the type checker alone holds a `value` to not being changed. And it has
five functions compiled at every start, of which a `value` needs one: of two hundred classes that was a fifth of it.
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass that is compared and hashed by its fields; mypy refuses what would set one."""
    made = dataclass(eq=False, repr=False)(cls)
    said = [one.name for one in fields(made) if one.repr]  # type: ignore[arg-type]
    compared = [one.name for one in fields(made) if one.compare]  # type: ignore[arg-type]
    key_of = attrgetter(*compared) if compared else type

    def __eq__(self: object, other: object) -> bool:  # noqa: N807
        return key_of(self) == key_of(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(key_of(self))

    def __repr__(self: object) -> str:  # noqa: N807
        return f"{cls.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in said)})"

    for method in (__eq__, __hash__, __repr__):
        if method.__name__ not in cls.__dict__:
            setattr(cls, method.__name__, method)
    return made
