from dataclasses import dataclass
from typing import Annotated

from flasgo import Blueprint, Form, Response, flash, rate_limit, redirect, render_template

from database import current_book

pages = Blueprint("pages")


@dataclass
class EntryForm:
    name: str = ""
    text: str = ""

    def problems(self) -> dict[str, str]:
        found = {"name": "", "text": ""}
        if not 1 <= len(self.name.strip()) <= 50:
            found["name"] = "Write your name, with up to 50 characters."
        if not 1 <= len(self.text.strip()) <= 500:
            found["text"] = "Write up to 500 characters."
        return found


NO_PROBLEMS = {"name": "", "text": ""}


@pages.get("/")
def home() -> str:
    entries = current_book().entries()
    return render_template("book.html", entries=entries, form=EntryForm(), problems=NO_PROBLEMS)


@pages.post("/")
@rate_limit(5, per=60)
def sign(form: Annotated[EntryForm, Form()]) -> Response | tuple[str, int]:
    problems = form.problems()
    if any(problems.values()):
        entries = current_book().entries()
        return render_template("book.html", entries=entries, form=form, problems=problems), 422
    current_book().add(form.name.strip(), form.text.strip())
    flash("Thank you for your entry.")
    return redirect("/", 303)
