"""Values: small classes that nobody changes, of which dozens are made for each frame.

A frozen dataclass sets each field by a call, which costs several times what setting it plainly does: in simulated
neighbourhoods that was a tenth of all time. So the type checker alone holds a `value` to not being changed.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass that is compared and hashed by its fields; mypy refuses what would set one."""
    return dataclass(unsafe_hash=True)(cls)
