"""The recipe that `engram recipes new` writes: whole, commented, and good to run once its data is in place."""

from __future__ import annotations

import re

from engram.config.shipped import find_recipe

STARTER = "custom_"


def recipe_template(name: str, task: str = "classify") -> str:
    """Return the text of a new recipe: the shipped starter of the task, under a name and with a file of its own.

    Raises UnknownName for a task without a starter.

    >>> print(recipe_template("my_reviews").split("title: ")[1].splitlines()[0])
    My reviews
    """
    starter = f"{STARTER}{task}"
    text = find_recipe(starter).read_text(encoding="utf-8")
    title = name.replace("_", " ").replace("-", " ").capitalize()
    text = re.sub(r"^title: .*$", f"title: {title}", text, count=1, flags=re.MULTILINE)
    text = text.replace("${ENGRAM_DATA:-data}/", "data/").replace(
        f"engram train {starter}", f"engram train {name}.yaml"
    )
    return text.replace(f"validate {starter}", f"validate {name}.yaml").replace(starter, name)
