"""A module's source with one mistake in it, every one that a slip of the hand could make."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import EnumMeta
from typing import Any

OTHERS: dict[type[Any], tuple[type[Any], ...]] = {  # operator → what it might have been
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}
OTHER_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    module: str
    line: int
    change: str  # "old → new"
    source: str


def mutants(source: str, names: Mapping[str, object]) -> Iterator[Mutant]:
    """One change each, none twice; `names` are the module's own, for the members of its enums."""
    seen = {ast.unparse(_parsed(source))}
    for index in range(len(list(ast.walk(_parsed(source))))):
        number = 0
        while True:
            tree = _parsed(source)
            old = list(ast.walk(tree))[index]
            changes = list(_changes(old, _conditions(tree), names))
            if number == len(changes):
                break
            new, number = changes[number], number + 1
            line, change = getattr(old, "lineno", 1), f"{ast.unparse(old)} → {ast.unparse(new)}"
            text = ast.unparse(ast.fix_missing_locations(_Swap(old, new).visit(tree)))
            if text not in seen:
                seen.add(text)
                yield Mutant("", line, change, text)


def _parsed(source: str) -> ast.Module:
    """Without docstrings, which no test should notice."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and isinstance(body[0], ast.Expr):
            body[0] = ast.copy_location(ast.Pass(), body[0])
    return tree


def _conditions(tree: ast.Module) -> set[ast.expr]:
    found: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            found.add(node.test)
        elif isinstance(node, ast.BoolOp):
            found.update((node, *node.values))
        elif isinstance(node, ast.Compare):
            found.add(node)
    return found


def _changes(
    node: ast.AST, conditions: set[ast.expr], names: Mapping[str, object]
) -> Iterator[ast.AST]:
    """What could stand in the place of this node."""
    if isinstance(node, ast.expr) and node in conditions:
        yield ast.UnaryOp(ast.Not(), node)
        yield from (ast.Constant(value) for value in (True, False))
    yield from _other_operators(node)
    yield from _other_constants(node)
    yield from _other_names(node, names)
    yield from _fewer_elements(node)


def _other_operators(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [op], right):
            yield from (ast.Compare(left, [each()], right) for each in OTHERS[type(op)])
        case ast.BoolOp(op, values):
            yield from (ast.BoolOp(each(), values) for each in OTHERS[type(op)])
        case ast.BinOp(left, op, right):
            yield from (ast.BinOp(left, each(), right) for each in OTHERS.get(type(op), ()))


def _other_constants(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield from (ast.Constant(value + step) for step in (1, -1))
        case ast.Constant(str(value)):
            yield ast.Constant(f"{value}x")


def _other_names(node: ast.AST, names: Mapping[str, object]) -> Iterator[ast.AST]:
    """Instead of a member of an enumeration, its neighbours."""
    match node:
        case ast.Name(name) if name in OTHER_NAMES:
            yield ast.Name(OTHER_NAMES[name])
        case ast.Attribute(ast.Name(owner), member) if isinstance(names.get(owner), EnumMeta):
            members = [*vars(names[owner])["_member_names_"]]
            at = members.index(member)
            for other in dict.fromkeys((members[at - 1], members[(at + 1) % len(members)])):
                yield ast.Attribute(ast.Name(owner), other)


def _fewer_elements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Dict(keys, values):
            yield from map(ast.Dict, _each_without_one(keys), _each_without_one(values))
        case ast.Tuple(elements, ast.Load()):
            yield from (ast.Tuple(rest, ast.Load()) for rest in _each_without_one(elements))
        case ast.Set(elements):
            yield from map(ast.Set, _each_without_one(elements))


def _each_without_one(items: list[Any]) -> list[list[Any]]:
    return [items[:out] + items[out + 1 :] for out in range(len(items))]


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)
