"""Puts a file into a page as a link that holds it, so that the page needs no other file."""

from urllib.parse import quote

from markupsafe import Markup

_KEPT = "!$()*+,-./:;=@_~|{}[]^"
"""What needs no escape in an address in double quotes, alone or in a list; shorter than base64."""


def data_link(kind: str, text: str) -> str:
    """The address that holds a text of this kind; white space in an image is made one space."""
    short = " ".join(text.split()) if kind.startswith("image/") else text
    return f"data:{kind};charset=utf-8,{quote(short, safe=_KEPT)}"


def csv_link(name: str, text: str, of: str) -> Markup:
    """A link that saves the numbers behind a figure or a table."""
    return Markup(
        '<a class="csv" download="{}.csv" href="{}">CSV<span class="hidden"> of {}</span></a>'
    ).format(name, data_link("text/csv", text), of)
