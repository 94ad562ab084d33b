"""A gather over a number of derivations that only another stage's value tells.

How many chapters a book has is known when it is split, and not before. Run it
again, and nothing runs; change a chapter, and one is counted.

>>> main()
Loomings: 8 words
The Carpet-Bag: no words
Breakfast: 5 words
"""

from pathlib import Path

from attrs import frozen
from returns.result import Failure, Result, Success

from lightfx import Build, Derivation, Right, evaluate, open_world, source_file, stage

BOOK = """\
# Loomings
Call me Ishmael. Some years ago, never mind
# The Carpet-Bag
# Breakfast
I quickly followed suit, and
"""


@frozen
class Chapter:
    title: str
    text: str


@frozen
class Empty:
    title: str


@stage
def split(build: Build, book: Derivation[Path]) -> list[Chapter]:
    texts = build.need(book).read_text().split("# ")[1:]
    return [Chapter(title, text) for title, _, text in (each.partition("\n") for each in texts)]


@stage
def count(build: Build, chapter: Chapter) -> Result[int, Empty]:
    words = len(chapter.text.split())
    build.log(chapter.title, words)
    return Success(words) if words else Failure(Empty(chapter.title))


@stage
def summary(build: Build, book: Derivation[Path]) -> list[str]:
    chapters = build.need(split(book))
    counts = build.need_all([count(chapter).tolerate() for chapter in chapters])
    return [
        f"{chapter.title}: {outcome.value if isinstance(outcome, Right) else 'no'} words"
        for chapter, outcome in zip(chapters, counts, strict=True)
    ]


def plan() -> Derivation[list[str]]:
    return summary(source_file("book.txt"))


def main() -> None:
    Path("book.txt").write_text(BOOK)
    with open_world("results") as world:
        print("\n".join(evaluate(world, plan())))


if __name__ == "__main__":
    main()
