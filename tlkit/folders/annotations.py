"""Labels, names and groups as other libraries write them: arrays of one axis or two, numbers or texts."""

from collections.abc import Mapping, Sequence

from tlkit.data.pixels import as_array
from tlkit.disk import spelling
from tlkit.disk.spelling import few

__all__: list[str] = []


def column(name: str, values: object, count: int) -> list:
    """One value a picture, from an array (n,) or (n, 1), a tensor or a list.

    Raises
    ------
    ValueError, TypeError
        If there are more or fewer, or each is an array itself.
    """
    array = as_array(values)
    if array is not None:
        if array.ndim > 2 or (array.ndim == 2 and array.shape[1] > 1):
            raise ValueError(
                f"{name} has the shape {array.shape}, but it takes one for each picture, (n,).\n"
                f"If each row has one 1 among zeros, write {name}.argmax(1). A picture is of one class here."
            )
        values = array.reshape(-1).tolist() if array.ndim else values
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__") or not hasattr(values, "__getitem__"):
        raise TypeError(f"{name} must be an array or a list of one value for each picture, not {values!r:.60}.")
    if len(values) != count:
        raise ValueError(f"There are {count:,} pictures but {len(values):,} {name}; each picture needs exactly one.")
    return list(values)


def names_of(given: Sequence[str] | Mapping | None) -> dict[object, str] | None:
    """The name of each label; None where labels are their own names."""
    if given is None:
        return None
    if hasattr(given, "tolist"):
        given = given.tolist()
    pairs = dict(given) if isinstance(given, Mapping) else dict(enumerate(given)) if _is_list(given) else {}
    if not pairs or not all(isinstance(name, str) and name.strip() for name in pairs.values()):
        raise TypeError(f"class_names must be a list of texts, one for each label from 0 on, not {given!r:.60}.")
    shown = spelling.one_spelling(pairs.values(), [])
    if len(set(shown.values())) < len(pairs):
        raise ValueError(f"Two of class_names are the same: {few(pairs.values(), 10)}. Each class needs its own.")
    return {int(key) if str(key).isdigit() else key: shown[name] for key, name in pairs.items()}


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _plain(value: object) -> object:
    """A label or a group as a text or a whole number, if it can be one; None where there is none."""
    array = as_array(value)
    if array is not None and array.size == 1:
        value = array.item()
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float):
        return None if value != value else int(value) if value.is_integer() else value
    return value


def label_of(value: object, names: dict | None, called: str) -> str | None:
    """The class of a picture; None if nobody knows it."""
    value = _plain(value)
    if value is None:
        return None
    if not isinstance(value, (str, int)):
        raise ValueError(
            f"The label of {called} is {value!r:.60}, but a class is a whole number or a text.\n"
            "Of one 1 among zeros: labels.argmax(1). Measured values are no classes: cut them into some first."
        )
    if names is None or value in names.values():
        return str(value)
    value = int(value) if str(value).isdigit() else value
    if value == -1:  # as sets are published whose test labels are kept back
        return None
    if value not in names:
        raise ValueError(
            f"The label of {called} is {value!r:.60}, but class_names names {few(map(str, names), 3)} to "
            f"{list(names)[-1]}.\nGive a name for each label. If yours count from 1: labels - 1."
        )
    return names[value]


def group_of(value: object, called: str) -> str:
    """The group of a picture; "" if it is in none."""
    value = _plain(value)
    if value is None or isinstance(value, (str, int)):
        return "" if value is None else str(value)
    raise ValueError(f"The group of {called} is {value!r:.60}, but groups are whole numbers or texts.")
