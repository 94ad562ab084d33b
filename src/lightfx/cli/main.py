"""The command line: what can be said, and the one place where anything is printed.

Commands give an `Answer` or complain; `main` writes it, and turns whatever went
wrong into one line and an exit code. Exit codes: 0 fine; 1 a target is LEFT, a
realization has no files, or differs when it is made again, or a store is
damaged, or something is odd about it, or not all could be pushed; 2 misuse, such as a reference to nothing;
3 trouble of the engine.

Commands import what they need when they are called, so that help is fast.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from lightfx._version import __version__
from lightfx.cli import caching, keeping, keys, looking, moving, recalling, upkeeping
from lightfx.cli.complaints import Complaint, ComplaintError, Exit, complaint_of
from lightfx.cli.options import Json, Ref, Store
from lightfx.cli.page import Answer, document
from lightfx.cli.streams import let_go, prepare, say, write
from lightfx.cli.wishes import Again, Wish, read_address, read_memory, read_ticket
from lightfx.core.failures import EngineError

app: Final = typer.Typer(
    name="lightfx",
    help="Typed derivations, stored realizations, failures as data.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _usage_error() -> type[Exception]:
    """The class of what a wrong option raises: of click, which newer versions of typer bring along as their own."""
    kinds = (kind for kind in typer.BadParameter.__mro__ if issubclass(kind, Exception))
    return next(kind for kind in kinds if kind.__name__ == "ClickException")


_USAGE: Final = _usage_error()


def _version(*, asked: bool) -> None:
    if asked:
        sys.stdout.write(f"lightfx {__version__}\n")
        raise typer.Exit


@app.callback()
def lightfx(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version", is_eager=True, callback=lambda asked: _version(asked=asked)
        ),
    ] = False,
) -> None:
    """Typed derivations, stored realizations, failures as data."""


@app.command()
def run(
    plan: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:PLAN",
            help="Derivations in a container, or a function that gives one; dir/file.py:plan works too",
        ),
    ],
    *,
    store: Store = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that run stages; 0 runs them in this one")] = 0,
    dask: Annotated[
        str, typer.Option("--dask", metavar="ADDRESS", help="Run stages on the workers of this Dask scheduler")
    ] = "",
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Memory that tasks share, such as 8GiB")
    ] = None,
    ticket: Annotated[
        list[str] | None,
        typer.Option("--ticket", metavar="NAME=N", help="How many there are of what tasks name; may be given again"),
    ] = None,
    stop_after: Annotated[
        int | None, typer.Option("--stop-after", min=1, metavar="N", help="Start nothing more after so many LEFTs")
    ] = None,
    create: Annotated[bool, typer.Option(help="Make the store where there is none")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress")] = False,
    only: Annotated[
        str, typer.Option("--only", metavar="GLOB", help="Only targets whose label or stage name matches")
    ] = "",
    force: Annotated[
        list[str] | None,
        typer.Option("--force", metavar="REF|STAGE", help="Run it whatever is stored; may be given again"),
    ] = None,
    retry: Annotated[
        Again | None, typer.Option("--retry", help="Which LEFTs to try again, in place of what their causes suggest")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and why; run nothing")] = False,
    assert_realized: Annotated[
        bool, typer.Option("--assert-realized", help="Run nothing; list what would have to run, exit code 1 if any")
    ] = False,
    json: Json = False,
) -> Answer:
    """Realize a plan, and say what became of each target."""
    from lightfx.cli import running  # noqa: PLC0415 -- help is fast without it
    from lightfx.cli.opening import store_path  # noqa: PLC0415 -- help is fast without it

    wish = Wish(
        store_path(store),
        workers,
        create,
        quiet,
        json,
        only,
        tuple(force or ()),
        retry,
        dry_run,
        assert_realized,
        stop_after,
        read_memory(memory),
        tuple(read_ticket(each) for each in ticket or ()),
        read_address(dask, workers),
    )
    return running.run(plan, wish)


@app.command()
def ls(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|REF/]", help="Only derivations of this name; REF/ lists its files")
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many")] = 20,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """List realizations, newest first, or the files of one."""
    if name is not None and "/" in name:
        from lightfx.cli import viewing  # noqa: PLC0415 -- help is fast without it

        return viewing.files(store, name, json=json)
    from lightfx.cli import listing  # noqa: PLC0415 -- help is fast without it

    return listing.ls(store, name, limit, json=json)


@app.command()
def table(
    plan: Annotated[str, typer.Argument(metavar="MODULE:PLAN", help="As for `run`, or a stage: all that it made")],
    *,
    only: Annotated[str, typer.Option("--only", metavar="GLOB", help="As for `run`")] = "",
    pivot: Annotated[
        str, typer.Option("--pivot", metavar="ROW,COLUMN,CELL", help="Spread one column over two others")
    ] = "",
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, all columns")] = False,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Show what is stored of a plan, or of a stage, as a table; runs nothing."""
    from lightfx.cli import tabling  # noqa: PLC0415 -- help is fast without it

    return tabling.table(plan, store, only, pivot, csv=csv, json=json)


@app.command()
def show(ref: Ref, *, store: Store = None, json: Json = False) -> Answer:
    """Show config, outcomes, context and provenance."""
    from lightfx.cli import showing  # noqa: PLC0415 -- help is fast without it

    return showing.show(store, ref, json=json)


@app.command()
def log(
    ref: Ref,
    *,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, metavar="N", help="That of an earlier attempt, from 1")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Print the log, as it was written."""
    from lightfx.cli import reading  # noqa: PLC0415 -- help is fast without it

    return reading.log(store, ref, attempt, json=json)


@app.command()
def why(ref: Ref, *, store: Store = None, json: Json = False) -> Answer:
    """Say why it ran or did not: its inputs, and what is new about it."""
    from lightfx.cli import explaining  # noqa: PLC0415 -- help is fast without it

    return explaining.why(store, ref, json=json)


@app.command()
def check(
    ref: Ref,
    *,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="MODULE:PLAN", help="Where its stage is, if it cannot be imported")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> Answer:
    """Run it again and compare, byte by byte; exit code 1 where it differs."""
    from lightfx.cli import checking  # noqa: PLC0415 -- help is fast without it

    return checking.check(store, ref, plan, json=json)


@app.command()
def path(ref: Ref, *, store: Store = None, json: Json = False) -> Answer:
    """Print the path of the folder with its files."""
    from lightfx.cli import reading  # noqa: PLC0415 -- help is fast without it

    return reading.path(store, ref, json=json)


recalling.add_to(app)
keeping.add_to(app)
keys.add_to(app)
looking.add_to(app)
moving.add_to(app)
upkeeping.add_to(app)
caching.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line, and give the exit code.

    ``arguments``: those of the process, if nothing is given.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    prepare()
    try:
        answer = _answer(given)
        write(answer.text)
    except BrokenPipeError:
        let_go()
        return Exit.BROKEN_PIPE
    except OSError as error:
        say(f"the answer cannot be written: {error.strerror or error}")
        let_go()
        return Exit.ENGINE
    return answer.code


def _answer(given: Sequence[str]) -> Answer:
    complaint = Complaint("")
    try:
        return _carry_out(given)
    except ComplaintError as error:
        complaint = error.complaint
    except EngineError as error:
        complaint = complaint_of(error.failure)
    except (KeyboardInterrupt, typer.Abort):
        complaint = Complaint("interrupted", code=Exit.INTERRUPTED)
    except BrokenPipeError:
        raise
    except OSError as error:
        complaint = Complaint(str(error), code=Exit.ENGINE)
    except _USAGE as error:
        sentence = str(getattr(error, "format_message", error.__str__)()).replace("Value error, ", "")
        command = getattr(getattr(error, "ctx", None), "command_path", "lightfx")
        complaint = Complaint(sentence.rstrip("."), f"`{command} --help` says more")
    if complaint.traceback:
        say(complaint.traceback, raw=True)
    say(complaint.line)
    return document({"error": complaint.line}, complaint.code) if "--json" in given else Answer("", complaint.code)


def _carry_out(given: Sequence[str]) -> Answer:
    try:
        answer: object = typer.main.get_command(app).main(args=list(given), prog_name="lightfx", standalone_mode=False)
    except SystemExit as error:
        # Help was being printed, and the pipe closed: typer and rich end the process, we end the command.
        raise BrokenPipeError from error
    if isinstance(answer, Answer):
        return answer
    interrupted = answer == Exit.INTERRUPTED
    if interrupted:
        raise KeyboardInterrupt
    return Answer("", Exit.MISUSE if answer else Exit.FINE)


if __name__ == "__main__":
    sys.exit(main())
