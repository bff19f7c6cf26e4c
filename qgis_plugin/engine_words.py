"""What the engine says, in the language of QGIS and in the words of its dialogs.

The engine speaks English and the words of its command line.  A sentence that is known is put in those of the dialogs
and translated; in any, the options that have a parameter are called by its title.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from .engine_errors import ERRORS
from .engine_fixes import FIXES
from .engine_process import EngineError
from .text import translated

_OPTION = re.compile(r"--(?:also )?([a-z][a-z-]*)(?:=\.\.\.)?")


def in_words(error: EngineError, titles: Mapping[str, str]) -> EngineError:
    """The error in the words of a dialog.

    Args:
        titles: of its parameters, by what the engine calls them: options, inputs and further outputs.
    """
    what, where, fix = (worded(text, titles) for text in (error.what, error.where, error.fix))
    return EngineError(what, where=where, fix=fix)


def worded(text: str, titles: Mapping[str, str]) -> str:
    """One sentence in the words of a dialog, as ``in_words``."""

    def titled(found: re.Match) -> str:
        title = titles.get(f"--{found[1]}") or titles.get(found[1])
        return f"'{title}'" if title else found[0]

    return _OPTION.sub(titled, _known(text, titles))


def _known(text: str, titles: Mapping[str, str]) -> str:
    """The sentence in the language of QGIS, with the titles of inputs; as it is where nobody has noted it."""
    for pattern, words in _sentences():
        found = pattern.fullmatch(text)
        if found is not None:
            values = {name: value.strip("'") for name, value in found.groupdict().items()}
            quoted = {name: f"'{titles[value]}'" for name, value in values.items() if value in titles}
            return translated(words).format(**{**found.groupdict(), **quoted})
    return text


@lru_cache(maxsize=1)
def _sentences() -> tuple:
    """Pattern of each sentence of the engine and the plugin's words for it; what says most by itself comes first."""
    pairs = [each if isinstance(each, tuple) else (each, each) for each in (*ERRORS, *FIXES)]
    pairs.sort(key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
    return tuple((_pattern(said), words) for said, words in pairs)


def _pattern(sentence: str) -> re.Pattern:
    """Any words in place of each name in braces; the same ones where it comes again."""
    parts, seen = [], set()
    for part in re.split(r"(\{\w+\})", sentence):
        name = part[1:-1]
        if not part.startswith("{"):
            parts.append(re.escape(part))
        elif name in seen:
            parts.append(f"(?P={name})")
        else:
            seen.add(name)
            parts.append(f"(?P<{name}>.*?)")
    return re.compile("".join(parts), re.DOTALL)
