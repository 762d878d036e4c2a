"""Which column says what: found by the names of columns in several languages, or said with --map and --set.

In: a header and what the command line says. Out: `Mapping_`, from columns to fields of a draft. Called by `command`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hartig_node.cli.parsing import UsageError, closest

# The fields of a draft that a column or --set can fill (node/API.md, "Drafts"). A window has two ends; how a post
# repeats is `repeats` (`tuesday,friday 18:00`), and where it needs them its last day, the days left out, the zone.
FIELDS = (
    "kind", "category", "title", "text", "language", "quantity", "unit", "smallest_part", "mode", "urgency", "level",
    "area", "reach_km", "people", "rule", "window_from", "window_to", "dates", "best_before", "requires", "avoids",
    "satisfies", "contains", "unknown", "source", "audience", "days", "expires_at", "parent",
    "contact", "closes", "repeats", "repeats_until", "repeats_except", "time_zone",
)  # fmt: skip
BY_LANGUAGE = ("title", "text")

# What people write over their columns, folded (`fold`): English, Spanish, French, Haitian Creole, Arabic, Chinese.
NAMES: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "tipo", "genre", "kalite", "نوع", "النوع", "类型"),
    "category": ("category", "categoria", "categorie", "kategori", "فئة", "الفئة", "类别", "分类"),
    "title": (
        "title", "subject", "what", "item", "need", "offer", "titulo", "asunto", "articulo", "necesidad", "oferta",
        "titre", "sujet", "objet", "article", "besoin", "offre", "tit", "sije", "bagay", "bezwen", "of",
        "عنوان", "العنوان", "标题", "物品",
    ),
    "text": (
        "text", "description", "details", "message", "note", "notes", "comment", "comments", "texto", "descripcion",
        "detalles", "mensaje", "notas", "texte", "remarque", "commentaire", "teks", "deskripsyon", "mesaj", "nôt",
        "نص", "النص", "وصف", "الوصف", "رسالة", "内容", "描述", "说明", "备注",
    ),
    "language": ("language", "lang", "idioma", "lengua", "langue", "lang", "لغة", "اللغة", "语言"),
    "quantity": (
        "quantity", "qty", "amount", "count", "number", "how many", "cantidad", "numero", "quantite", "nombre",
        "kantite",
        "كمية", "الكمية", "عدد", "数量",
    ),
    "unit": ("unit", "units", "unidad", "unite", "inite", "وحدة", "الوحدة", "单位"),
    "urgency": (
        "urgency", "priority", "urgent", "urgencia", "prioridad", "urgence", "priorite", "ijans", "أولوية", "紧急程度",
    ),
    "people": ("people", "persons", "personas", "personnes", "moun", "أشخاص", "人数"),
    "days": ("days", "dias", "jours", "jou", "أيام", "天数"),
    "source": ("source", "fuente", "origen", "provenance", "sous", "مصدر", "المصدر", "来源"),
    "repeats": ("repeats", "every", "se repite", "repite", "cada", "se repete", "chak", "يتكرر", "重复"),
    "best_before": ("best before", "use by", "caducidad", "dlc", "保质期"),
    "expires_at": ("expires", "until", "hasta", "jusqu'au", "jiska", "حتى", "截止"),
}  # fmt: skip
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_WITH_TAG = re.compile(rf"(?P<head>.+?)\s*[_:.(\[]\s*(?P<tag>{_TAG.pattern})\s*[)\]]?")


class Target(NamedTuple):
    """What one column or one --set fills; `tag` names the language of a title or a text."""

    field: str
    tag: str | None = None

    def __str__(self) -> str:
        return f"{self.field}.{self.tag}" if self.tag else self.field


class Columns(NamedTuple):
    """The mapping of a file: from the number of a column to what it fills, and what is the same for all rows."""

    by_column: dict[int, Target]
    same: dict[Target, str]
    languages: dict[str, str]
    unused: list[str]

    def said(self, cells: Sequence[str]) -> dict[str, str]:
        """Return what a row itself says, by field: only of mapped columns, and nothing of --set."""
        return {str(target): cells[number].strip() for number, target in sorted(self.by_column.items())}


def fold(name: str) -> str:
    """Return a column's name without capitals, accents, and signs between words."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(one for one in decomposed if not unicodedata.combining(one))
    return " ".join(re.split(r"[\s_\-]+", plain.strip()))


def map_columns(
    header: Sequence[str], maps: Iterable[str], sets: Iterable[str], languages: Iterable[str], language: str
) -> Columns:
    """Decide what each column fills.

    Args:
        header: the names of the columns.
        maps: FIELD=COLUMN; a column by its name, or by its number from 1. They win over what the header suggests.
        sets: FIELD=VALUE for all rows.
        languages: FIELD=TAG for titles and texts, or a TAG for both.
        language: the tag of what is not said.
    """
    by_column = _said(header, maps)
    same = {}
    for one in sets:
        name, value = _pair(one, "--set")
        same[read_target(name)] = value
    taken = {*by_column.values(), *same}
    for number, name in enumerate(header):
        target = suggest(name)
        if number not in by_column and target is not None and target not in taken:
            by_column[number] = target
            taken.add(target)
    unused = [name or f"column {number + 1}" for number, name in enumerate(header) if number not in by_column]
    return Columns(by_column, same, _languages(languages, language), unused)


def suggest(name: str) -> Target | None:
    """Return what a column of this name fills, if we know such a name; `title_es` is a title in Spanish."""
    folded = fold(name)
    for field, names in NAMES.items():
        if folded in {fold(one) for one in names}:
            return Target(field)
    known = folded.replace(" ", "_")
    if known in FIELDS:
        return Target(known)
    if (match := _WITH_TAG.fullmatch(name.strip())) is not None:
        for field in BY_LANGUAGE:
            if fold(match["head"]) in {fold(one) for one in NAMES[field]}:
                return Target(field, match["tag"])
    return None


def read_target(name: str) -> Target:
    """Read FIELD or FIELD.TAG as it stands in --map and --set."""
    field, _, tag = name.strip().partition(".")
    field = field.replace("-", "_")
    if field not in FIELDS:
        guess = closest(field, FIELDS)
        hint = f"did you mean {guess}?" if guess else f"fields: {', '.join(FIELDS)}"
        raise UsageError(f"a post has no field {field!r:.40}", hint)
    if tag and (field not in BY_LANGUAGE or not _TAG.fullmatch(tag)):
        raise UsageError(f"{name!r:.40} is no field with a language", "for example title.es, text.ht")
    return Target(field, tag or None)


def _said(header: Sequence[str], maps: Iterable[str]) -> dict[int, Target]:
    by_column: dict[int, Target] = {}
    for one in maps:
        name, column = _pair(one, "--map")
        target, number = read_target(name), _find(header, column)
        if target in by_column.values() or number in by_column:
            raise UsageError(f"--map {one}: this field or this column is mapped twice", "map each once")
        by_column[number] = target
    return by_column


def _find(header: Sequence[str], column: str) -> int:
    folded = [fold(name) for name in header]
    if column in header:
        return header.index(column)
    if fold(column) in folded:
        return folded.index(fold(column))
    if column.isdecimal() and 1 <= int(column) <= len(header):
        return int(column) - 1
    guess = closest(column, tuple(header))
    hint = f"did you mean {guess}?" if guess else f"columns: {', '.join(header)[:200]}"
    raise UsageError(f"the file has no column {column!r:.60}", hint)


def _languages(said: Iterable[str], language: str) -> dict[str, str]:
    languages = dict.fromkeys(BY_LANGUAGE, language)
    for one in said:
        field, separator, tag = one.partition("=")
        if not separator:
            field, tag = "", one
        if not _TAG.fullmatch(tag) or (field and field not in BY_LANGUAGE):
            raise UsageError(f"--language {one!r:.40} is no language", "for example --language en, --language text=ht")
        languages.update({field: tag} if field else dict.fromkeys(BY_LANGUAGE, tag))
    return languages


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip() or not value.strip():
        raise UsageError(f"{option} {text!r:.60} is not of the form FIELD=...", f"for example {option} title=message")
    return name, value.strip()
