"""Makes the one environment in which pages are written: what is put into them is escaped."""

from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined

from paper_figures.mathml import mathml, subscripts


def environment() -> Environment:
    """The templates of paper_figures, with `math`, `inline_math` and `prose` as filters."""
    made = Environment(
        loader=PackageLoader("paper_figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "math": mathml,
        "inline_math": partial(mathml, block=False),
        "prose": subscripts,
    }
    return made
