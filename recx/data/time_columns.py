"""Time columns in the user's files: numbers since 1970 in some unit, or dates in some format."""

import re
from itertools import product
from pathlib import Path

import polars as pl

from recx.data.column_checks import MISSING_IDS, numbers_in
from recx.data.reading_report import ReadingReport
from recx.errors import DataError

UNITS = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9, "number": 1.0}
# A number that falls outside 1990 to 2040 in some unit is not a time in that unit.
_EARLIEST, _LATEST = 631_152_000, 2_208_988_800
_DAYS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y",
    "%y/%m/%d", "%y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%d %B %Y", "%B %d %Y", "%d-%B-%Y", "%d-%B-%y",
)  # fmt: skip
_CLOCKS = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
_ISO = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ")
_FORMS = [day + clock + zone for day, clock, zone in product(_DAYS, _CLOCKS, ("", " %#z")) if clock or not zone]
_FORMS += ["%B %d %H:%M:%S %Y", "%B %d %H:%M:%S %#z %Y"]
# Patterns of the parts of a format, so that polars need not try every format.
_PARTS = {
    "%Y": r"\d{4}", "%m": r"\d\d?", "%d": r"\d\d?", "%y": r"\d\d", "%B": "[A-Za-z]{3,9}", "%H": r"\d\d?",
    "%I": r"\d\d?", "%M": r"\d\d", "%S": r"\d\d", "%.f": r"(\.\d+)?", "%p": "[AaPp][Mm]", "%#z": r"[+-]\d\d(:?\d\d)?",
}  # fmt: skip
_SHAPES = {
    form: re.compile(re.sub("%#?\\.?[A-Za-z]", lambda m: _PARTS[m[0]], form.replace(".%", "[.]%"))) for form in _FORMS
}
SAMPLE = 1000
_SETTING = "set data.columns.date_format=FORMAT, e.g. %d/%m/%Y %H:%M or seconds"


def times_in(
    path: Path, column: pl.Series, date_format: str, report: ReadingReport, unit: str = "row", first: int = 1
) -> pl.Series:
    """Convert a column to seconds since 1970, null if empty; other numbers are kept for their order.

    Args:
        path: path of the file, for messages.
        column: text, numbers or dates.
        date_format: format of the dates, or a unit from `UNITS`; detected if empty.
        report: receives the decision.
        unit: what a value corresponds to in the file ("row" or "line"), for messages.
        first: number of the first row or line.

    Raises:
        DataError: with the place and the value, or with the formats between which the values are ambiguous.
    """
    if column.dtype in (pl.Date, pl.Datetime):
        return _seconds(column.cast(pl.Datetime("ms"), strict=False))
    if date_format in UNITS:
        return numbers_in(path, column, unit, first).fill_nan(None) / UNITS[date_format]
    if column.dtype.is_nested():
        raise DataError(f"{path}: {column.name!r} holds lists or records; expected a time in each {unit}.")
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        column = column.set(column.str.to_lowercase().is_in(MISSING_IDS), None)
    numbers = column.cast(pl.Float64, strict=False)
    if not date_format and numbers.null_count() == column.null_count():
        return _numbers(path, numbers.fill_nan(None), report)
    text = column.cast(pl.String).replace("", None)
    if date_format:
        return _complete(path, text, _parsed(text, date_format), date_format, unit, first)
    if numbers.null_count() == text.null_count():
        return _numbers(path, numbers.fill_nan(None), report)
    if 2 * (len(text) - numbers.null_count()) > len(text) - text.null_count():  # numbers, but for a few
        numbers_in(path, text, unit, first)
    return _dates(path, text, report, unit, first)


def looks_like_times(values: pl.Series) -> bool:
    """Whether a sample of a column can only be times."""
    if values.dtype in (pl.Date, pl.Datetime):
        return True
    if values.dtype.is_nested() or values.dtype == pl.Boolean:
        return False
    text = values.cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
    numbers = text.cast(pl.Float64, strict=False)
    if text.is_empty():
        return False
    return bool(_units(numbers)) if not numbers.null_count() else bool(_forms(text))


def _numbers(path: Path, numbers: pl.Series, report: ReadingReport) -> pl.Series:
    numbers = numbers.set(numbers.is_infinite(), None)  # "inf" is no time; it counts as missing
    known = numbers.filter(numbers.is_finite() & (numbers != 0))
    if known.is_empty():
        return numbers
    lowest, highest = (_units(pl.Series([float(v)])) for v in (known.min(), known.max()))
    if lowest and highest and lowest != highest:
        raise DataError(
            f"{path}: {numbers.name} mixes {lowest[0]} and {highest[0]} since 1970. Convert it to one unit, or use the "
            "numbers as they are with data.columns.date_format=number."
        )
    chosen = lowest[0] if lowest and highest else "number"
    said = f"are {chosen} since 1970" if chosen != "number" else "are not dates; only their order is used"
    report.decisions.append(f"{path.name}: the numbers in {numbers.name!r} {said}.")
    return numbers / UNITS[chosen]


def _units(numbers: pl.Series) -> list[str]:
    """The unit in which all numbers are times between 1990 and 2040, if any."""
    known = numbers.filter(numbers.is_finite() & (numbers != 0))
    if known.is_empty():
        return []
    lowest, highest = float(known.min()), float(known.max())  # type: ignore[arg-type]
    return [u for u, n in UNITS.items() if u != "number" and _EARLIEST * n <= lowest and highest <= _LATEST * n]


def _dates(path: Path, text: pl.Series, report: ReadingReport, unit: str, first: int) -> pl.Series:
    sample = text.drop_nulls().head(SAMPLE)
    for form in _ISO:  # most files; without `_plain`, which takes longer than parsing
        if not _parsed(sample, form).null_count() and (times := _parsed(text, form)).null_count() == text.null_count():
            return _said(path, sample, form, times, report)
    forms = _forms(sample) or _forms(sample.head(1))
    if not forms:
        row = text.is_not_null().arg_true()[0]
        raise DataError(
            f"{path}, {unit} {row + first}: {text.name} is {text[row]!r}, expected a number or a date; {_SETTING}."
        )
    plain = _plain(text)
    read = {form: _parsed(plain, form) for form in forms}
    whole = {form: times for form, times in read.items() if times.null_count() == text.null_count()}
    if not whole:
        form, times = min(read.items(), key=lambda pair: pair[1].null_count())
        return _complete(path, text, times, form, unit, first)
    (form, times), *others = whole.items()
    for other, differing in others:
        if not differing.equals(times, null_equal=True):
            raise DataError(
                f"{path}: {text.name}, e.g. {sample[0]!r}, fits both {form!r} and {other!r}; set "
                "data.columns.date_format=FORMAT to the format of the file (e.g. %d/%m/%Y %H:%M)."
            )
    return _said(path, sample, form, times, report)


def _said(path: Path, sample: pl.Series, form: str, times: pl.Series, report: ReadingReport) -> pl.Series:
    zone = "" if "z" in form.casefold() else ", in UTC"
    report.decisions.append(f"{path.name}: the dates in {sample.name!r}, e.g. {sample[0]!r}, are read as {form}{zone}.")
    return times


def _complete(path: Path, text: pl.Series, times: pl.Series, form: str, unit: str, first: int) -> pl.Series:
    bad = (times.is_null() & text.is_not_null()).arg_true()
    if len(bad):
        raise DataError(
            f"{path}, {unit} {bad[0] + first}: {text.name} is {text[bad[0]]!r}, expected a date in the format "
            f"{form!r}; {_SETTING}."
        )
    return times


def _forms(text: pl.Series) -> list[str]:
    """Formats that parse every value."""
    first = text[0]
    if not 6 <= len(first) <= 60 or sum(map(str.isdigit, first)) < 3:
        return []
    first = _plain(text.head(1))[0]
    near = [form for form, shape in _SHAPES.items() if shape.fullmatch(first)]
    plain = _plain(text) if near else text
    return [form for form in near if not _parsed(plain, form).null_count()]


def _plain(text: pl.Series) -> pl.Series:
    """Normalise dates: remove commas, weekdays and the T between date and time, and unify names of UTC."""
    for pattern, instead in (
        (r"[,\s]+", " "),
        (r"(\d)T(\d)", "${1} ${2}"),
        (r"^(?i)(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.? ", ""),
        (r"([A-Za-z])\.", "${1}"),
        (r" ?(?:Z|UTC|GMT)$", " +0000"),
        (r"(:\d\d(?:\.\d+)?) ?([+-]\d\d(?::?\d\d)?)$", "${1} ${2}"),
    ):
        text = text.str.replace_all(pattern, instead)
    return text.str.strip_chars()


def _parsed(text: pl.Series, form: str) -> pl.Series:
    """Seconds since 1970; null if the format does not fit or the year is outside 1900 to 2200."""
    zone = "UTC" if re.search(r"%[:#]*z", form) else None
    try:
        times = text.str.to_datetime(form, strict=False, time_unit="ms", time_zone=zone)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).splitlines()[0][:120]
        raise DataError(
            f"data.columns.date_format is {form!r}, which is not a valid date format ({reason})."
        ) from error
    seconds, year = _seconds(times), times.dt.year()
    return pl.select(pl.when((year >= 1900) & (year <= 2200)).then(seconds)).to_series().rename(text.name)


def _seconds(times: pl.Series) -> pl.Series:
    return times.dt.timestamp("ms").cast(pl.Float64) / 1000
