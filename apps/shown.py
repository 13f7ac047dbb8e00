"""What every page shows in the same way: a picture with its words, a decision, the code that gives the same, and trouble in plain words.

Text of users (names of variants and raters, file names) is never rendered as Markdown or HTML: it goes through `plain`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

from expsim_bayes.apps.labels import on_page
from expsim_bayes.errors import ExpsimError
from expsim_bayes.plots.theme import DARK, LIGHT, Theme
from expsim_bayes.sentences import recommendation

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.apps.asked import Asked
    from expsim_bayes.apps.marks import Picture
    from expsim_bayes.facts import Facts

SIGNS = {"launch": "✔", "keep_control": "■", "stop_equivalent": "=", "collect": "+", "refuse": "!"}
"""A sign for each decision, beside its colour."""
COLOURS = {"launch": "green", "keep_control": "orange", "stop_equivalent": "orange", "collect": "blue", "refuse": "red"}
"""A colour for each decision."""
CHOSEN = ("launch", "keep_control")
"""Decisions of which all that is to be done fits into a headline."""
SAVED = "same.py"
"""What lines of Python are saved as."""
JOINER = "\u2060"
"""Has no width; keeps Streamlit from making a link, an address or an icon of what looks like one."""
_LINKS = re.compile(r"https?|www|@|(?<=:)(?=[a-z_])", re.IGNORECASE)
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&])")


def page(name: str) -> str:
    """Where a page lies, for `st.switch_page` and `st.page_link`: the same whichever file the dashboard is started from."""
    return str(Path(__file__).resolve().parent / "views" / f"{name}.py")


def go(name: str) -> NoReturn:
    """Go to another page; what was set on this one is kept by the session, and the new page puts it into its own address."""
    st.switch_page(
        page(name), query_params={}
    )  # without an empty one Streamlit refuses where widgets are bound to the address


def theme() -> Theme:
    """The colours of the page that is being shown."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def answer_first_on_a_phone(key: str) -> None:
    """Put the last column of a keyed container above its others where a narrow screen stacks them: an answer before its settings."""
    row = f'.st-key-{key} > [data-testid="stLayoutWrapper"] > [data-testid="stHorizontalBlock"]'
    st.html(f"<style>@media (max-width: 640px) {{ {row} > :last-child {{ order: -1; }} }}</style>")


def plain(text: str) -> str:
    r"""A text that shows as it is where Markdown is read.

    Examples
    --------
    >>> plain("*bold* $5$")
    '\\\\*bold\\\\* \\\\$5\\\\$'
    """
    return _LINKS.sub(f"\\g<0>{JOINER}", _SPECIAL.sub(r"\\\1", text.replace("\n", " ")))


def sentence(text: str) -> str:
    """What is told in passing as a sentence of its own, fit for a page."""
    begun = text[:1].upper() + text[1:]
    return plain(begun if begun.endswith((".", "!", "?")) or not begun else f"{begun}.")


def picture(found: Picture, *, key: str, large: bool = False) -> None:
    """A chart with its words under it, small unless told."""
    st.vega_lite_chart(found.chart, theme=None, key=key, alt=found.words)
    (st.markdown if large else st.caption)(plain(found.words))


def decision(facts: Facts) -> None:
    """The decision in a few words, why, how sure, and at what price."""
    advice = recommendation(facts)
    name, headline, do = facts.decision.name, advice.headline, advice.what_to_do
    if name in CHOSEN and do.startswith(headline):  # nothing is said twice
        headline, do = do.removesuffix("."), ""
    st.subheader(f":{COLOURS[name]}[{plain(SIGNS[name])} {plain(headline)}]", anchor=False)
    rows = [("Do", do), ("How sure", advice.how_sure), ("Price", advice.price)]
    st.markdown("\n\n".join(f"**{label}** {plain(on_page(text))}" for label, text in rows if text))


def more_words(facts: Facts) -> None:
    """What is unknown, what would help and what would change the answer."""
    advice = recommendation(facts)
    rows = [("Unknown", advice.unknown), ("Further", advice.further), ("What if", advice.change)]
    st.markdown("\n\n".join(f"**{label}** {plain(on_page(text))}" for label, text in rows if text))


def code(asked: Asked, *, replications: int = 1, page: str = "simulate") -> None:
    """Show me the code: scenario, command line, Python and link that give the same numbers."""
    more = ("--replications", str(replications)) if replications > 1 else ()
    told(asked, asked.command(*more), asked.python(replications), "" if asked.own else asked.link(page))


def curves(asked: Asked, replications: int, *, page: str = "simulate") -> None:
    """Show me the code, of what certainty costs."""
    told(asked, f"python {SAVED}", asked.curves(replications), "" if asked.own else asked.link(page))


def told(asked: Asked, command: str, python: str, link: str = "", note: str = "") -> None:
    """Show me the code, given its lines; `note` says where the numbers stand."""
    with st.expander("Show me the code", icon=":material/code:"):
        of_python = command.endswith(SAVED)
        first = [f"save the lines of Python as {SAVED}"] if of_python else []
        first += [f"save the scenario as {asked.file()}"] if asked.edits or asked.own else []
        caption = "The command line gives the same numbers"
        st.caption(
            plain(caption + (f"; first {' and '.join(first)}." if first else ".") + (f" {note}" if note else ""))
        )
        st.code(command, language="bash", wrap_lines=True)
        st.caption("The same from Python.")
        st.code(python, language="python")
        st.caption("The scenario. Change it, and give the file to the command.")
        st.code(asked.toml(), language="toml", height=260)
        if link:
            st.caption("A link to this page as it stands, below the dashboard's own address.")
            st.code(link, language=None)


def offered(label: str, name: str, mime: str, make: Callable[[], bytes], icon: str, *, tip: str | None = None) -> None:
    """A button that gives a file, which is made when it is asked for."""
    st.download_button(
        label, make, file_name=name, mime=mime, icon=icon, key=f"take.{name}", on_click="ignore", help=tip
    )


class trouble:  # noqa: N801  (used like a function)
    """Whatever a user can mend, said in words; the page goes on."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Say what is wrong; True where it was the user's to mend."""
        if not isinstance(error, ExpsimError):
            return False
        parts = (f"**{plain(error.problem)}**", plain(error.where), sentence(error.remedy))
        st.error("\n\n".join(part for part in parts if part), icon=":material/report:")
        return True
