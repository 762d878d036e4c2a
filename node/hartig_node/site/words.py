"""What people read for every code and every moment, in their language.

In: a `Tongue` (the sentences of one language) and codes, quantities or times. Out: plain text, never markup. Labels of
categories, attributes and units come from the shipped lists. Who calls: `rendering.py` hands these to the templates.
"""

import gettext
from datetime import UTC, datetime, timedelta, tzinfo

from hartig_node.board.drafts.views import PostView
from hartig_node.site.languages import LANGUAGES, direction
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records import categories, units
from hartig_protocol.values import value


def N_(message: str) -> str:  # noqa: N802 - the name by which gettext tools know a sentence to translate later
    """Mark a sentence for translation and return it unchanged."""
    return message


# Languages that a text may be written in, each by its own name: those of the shipped labels first.
TEXT_LANGUAGES = {
    "en": "English", "es": "Español", "fr": "Français", "ar": "العربية", "ht": "Kreyòl ayisyen", "zh": "中文",
    "am": "አማርኛ", "bn": "বাংলা", "de": "Deutsch", "fa": "فارسی", "hi": "हिन्दी", "it": "Italiano", "ko": "한국어",
    "ku": "Kurdî", "pl": "Polski", "ps": "پښتو", "pt": "Português", "ru": "Русский", "so": "Soomaali",
    "sw": "Kiswahili", "ti": "ትግርኛ", "tl": "Tagalog", "tr": "Türkçe", "uk": "Українська", "ur": "اردو",
    "vi": "Tiếng Việt",
}  # fmt: skip
LEVELS = {
    "plenty": N_("Plenty there"),
    "some": N_("Some there"),
    "low": N_("Nearly gone"),
    "gone": N_("Empty right now"),
}
URGENCIES = {
    "low": N_("It can wait"),
    "normal": N_("In the next days"),
    "high": N_("Soon"),
    "urgent": N_("Very urgent"),
}
MODES = {
    "give": N_("To keep"),
    "lend": N_("To borrow and bring back"),
    "in-place": N_("To use there"),
    "do": N_("Help from people"),
    "ride": N_("A ride"),
    "fund-record": N_("Noted for a shared fund"),
}
RULES = {
    "first": N_("Whoever asks first gets it"),
    "fair": N_("Shared out evenly among all who ask"),
    "ask": N_("The people there decide with you"),
}
AUDIENCES = {
    "hub": N_("Only people at this hub. It is never sent anywhere else."),
    "network": N_("Everybody at the hubs of this network."),
    "partners": N_("Everybody at the hubs of this network and of its partner networks."),
}
ONE_PARTNER = N_("One partner network only.")
ATTRIBUTE_HEADINGS = {
    "requires": N_("It must have"),
    "avoids": N_("It must not have"),
    "satisfies": N_("Good to know"),
    "contains": N_("Contains"),
    "unknown": N_("Nobody knows about"),
}
_WEEKDAYS = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)
_MONTHS = (
    N_("January"),
    N_("February"),
    N_("March"),
    N_("April"),
    N_("May"),
    N_("June"),
    N_("July"),
    N_("August"),
    N_("September"),
    N_("October"),
    N_("November"),
    N_("December"),
)
# Symbols that are the same in every language; other units are shown by their labels.
_SYMBOLS = {
    "KGM": "kg", "GRM": "g", "TNE": "t", "LBR": "lb", "ONZ": "oz", "LTR": "l", "MLT": "ml", "MTQ": "m³", "GLL": "gal",
    "MTR": "m", "CMT": "cm", "FOT": "ft", "INH": "in", "MTK": "m²", "KWH": "kWh", "WHR": "Wh", "HUR": "h",
    "MIN": "min",
}  # fmt: skip
COUNTED_UNITS = frozenset({"H87", "C62"})  # "24 pieces" says no more than "24"
FAR = N_("in the far future")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL_COMMA = frozenset({"de", "es", "fr", "ht"})


@value
class Text:
    """Text that people wrote, with the language and the direction it is in."""

    text: str
    language: str

    @property
    def direction(self) -> str:
        """The direction of its script."""
        return direction(self.language)


def in_language(texts: dict[str, str], language: str) -> Text:
    """Return the text in a language, its base, English, or the first there is; empty where there is none."""
    for tag in (language, language.partition("-")[0], "en", *sorted(texts)):
        if tag in texts:
            return Text(texts[tag], tag)
    return Text("", language)


def language_name(tag: str) -> str:
    """Return a language by its own name, or its tag where we do not know it."""
    return TEXT_LANGUAGES.get(tag, TEXT_LANGUAGES.get(tag.partition("-")[0], tag))


class Tongue:
    """Everything a page says, in one language."""

    def __init__(self, language: str, sentences: gettext.NullTranslations, zone: tzinfo | None = None) -> None:
        """Speak `language` with these sentences; times are told in `zone`, by default that of the hub."""
        self.language = language
        self.sentences = sentences
        self._zone = zone

    def __repr__(self) -> str:
        return f"<Tongue {self.language}>"

    @property
    def direction(self) -> str:
        """The direction of this language's script."""
        return direction(self.language)

    @property
    def others(self) -> list[tuple[str, str]]:
        """The other languages that a neighbour can choose: tag and own name."""
        return [(tag, name) for tag, name in LANGUAGES.items() if tag != self.language]

    def say(self, message: str) -> str:
        """Return a sentence of the code in this language."""
        return self.sentences.gettext(message)

    def category(self, code: str) -> str:
        """Return the label of a category."""
        return categories.label(code, self.language)

    def number(self, text: str) -> str:
        """Return decimal text with this language's decimal sign."""
        return text.replace(".", ",") if self.language in _DECIMAL_COMMA else text

    def count(self, number: int) -> str:
        """Return a whole number with its thousands apart, by a comma or, where that is the decimal sign, a space."""
        return f"{number:,}".replace(",", "\u202f" if self.language in _DECIMAL_COMMA else ",")

    def quantity(self, view: PostView) -> str:
        """Return how much there is or should be; empty where nothing was said."""
        return "" if view.quantity is None else self.amount(view.quantity, view.unit)

    def amount(self, text: str, unit: str) -> str:
        """Return decimal text in a unit."""
        number = self.number(text)
        if unit in COUNTED_UNITS:
            return number
        symbol = _SYMBOLS.get(unit)
        return f"{number}\u00a0{symbol}" if symbol else f"{number}\u00a0× {units.label(unit, self.language)}"

    def unit(self, code: str) -> str:
        """Return a unit by its symbol, or by its label where it has none that everybody knows."""
        return _SYMBOLS.get(code) or units.label(code, self.language)

    def audience(self, view: PostView) -> str:
        """Return who may see a post."""
        return self.say(AUDIENCES.get(view.audience, ONE_PARTNER))

    def time_left(self, left_ms: int) -> str:
        """Return how long something stays up, in whole days or hours."""
        if left_ms < HOUR_MS:
            return self.say(N_("less than an hour"))
        if left_ms < 2 * DAY_MS:
            hours = left_ms // HOUR_MS
            return self.sentences.ngettext("%(hours)d more hour", "%(hours)d more hours", hours) % {"hours": hours}
        days = left_ms // DAY_MS
        return self.sentences.ngettext("%(days)d more day", "%(days)d more days", days) % {"days": days}

    def wait(self, seconds: float) -> str:
        """Return how long somebody should wait, in whole minutes."""
        minutes = max(1, -int(-seconds // 60))
        return self.sentences.ngettext(
            "Please wait %(minutes)d minute and try again.", "Please wait %(minutes)d minutes and try again.", minutes
        ) % {"minutes": minutes}

    def weekday(self, number: int) -> str:
        """Return the name of a weekday, from 0 for Monday."""
        return self.say(_WEEKDAYS[number])

    def how_often(self, view: PostView) -> str:
        """Return how a post repeats; empty where it does not, or has no plain words for it."""
        from hartig_node.site.recurring import how_often

        return how_often(self, view)

    def offset_at(self, moment_ms: int) -> timedelta | None:
        """Return how far the pages' time is from UTC at a moment."""
        return (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(self._zone).utcoffset()

    def day(self, moment_ms: int) -> str:
        """Return a day with its year, in the hub's time zone."""
        try:
            moment = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(self._zone)
        except (OverflowError, ValueError, OSError):  # what others wrote may lie beyond every calendar
            return self.say(FAR)
        # Translators: for example "24 November 2027".
        said = {"day": moment.day, "month": self.say(_MONTHS[moment.month - 1]), "year": moment.year}
        return self.say(N_("%(day)d %(month)s %(year)d")) % said

    def moment(self, moment_ms: int) -> str:
        """Return a day and a time as people say them, in the hub's time zone."""
        try:
            moment = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(self._zone)
        except (OverflowError, ValueError, OSError):  # what others wrote may lie beyond every calendar
            return self.say(FAR)
        # Translators: for example "Tuesday 24 November, 18:00".
        return self.say(N_("%(weekday)s %(day)d %(month)s, %(time)s")) % {
            "weekday": self.weekday(moment.weekday()),
            "day": moment.day,
            "month": self.say(_MONTHS[moment.month - 1]),
            "time": f"{moment:%H:%M}",
        }
