"""Plain values drawn at random from a type, so that whatever a type says is tried, also what it will say tomorrow."""

import msgspec
from msgspec import inspect as i

_LONGEST = 40
_LETTERS = "abcz09 -_/警é"


def drawn(chance, of, known=None, name=""):
    """Return a value that a type takes, in plain JSON values.

    Parameters
    ----------
    chance
        A `random.Random`.
    of
        The type, as `msgspec.inspect` tells it.
    known
        Values by the name of a field, to be taken more often than not, so that some of it makes sense.
    """
    known = known or {}
    if name in known and chance.random() < 0.8:
        return chance.choice(known[name])
    match of:
        case i.Metadata(type=inner):
            return drawn(chance, inner, known, name)
        case i.StructType(fields=fields, tag_field=tag_field, tag=tag):
            said = {} if tag_field is None else {tag_field: tag}
            return said | {
                field.encode_name: drawn(chance, field.type, known, field.name)
                for field in fields
                if field.required or chance.random() < 0.5
            }
        case i.UnionType(types=types):
            return drawn(chance, chance.choice(types), known, name)
        case i.LiteralType(values=values):
            return chance.choice(values)
        case i.EnumType(cls=cls):
            return chance.choice([msgspec.to_builtins(member) for member in cls])
        case i.ListType() | i.VarTupleType() | i.SetType():
            least = of.min_length or 0
            size = chance.randint(least, max(least, min(of.max_length or 3, 3)))
            return [drawn(chance, of.item_type, known) for _ in range(size)]
        case i.TupleType(item_types=types):
            return [drawn(chance, inner, known) for inner in types]
        case i.DictType(value_type=inner):
            return {_text(chance, 1, 8): drawn(chance, inner, known) for _ in range(chance.randrange(3))}
        case i.StrType(min_length=least, max_length=most):
            return _text(chance, least or 0, most)
        case i.BoolType():
            return chance.random() < 0.5
        case i.IntType() | i.FloatType():
            return _number(chance, of)
        case i.NoneType():
            return None
    raise NotImplementedError(of)


def _text(chance, least, most):
    size = chance.randint(least, max(least, min(most or _LONGEST, _LONGEST)))
    return "".join(chance.choice(_LETTERS) for _ in range(size))


def _number(chance, of):
    least = next((end for end in (of.ge, of.gt) if end is not None), -1_000)
    most = next((end for end in (of.le, of.lt) if end is not None), 1_000_000)
    value = chance.choice((least, most, chance.uniform(least, most)))
    return int(value) if isinstance(of, i.IntType) else float(value)
