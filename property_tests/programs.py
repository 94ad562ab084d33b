"""Programs as users write them, at random and small, how they evolve, and the build that anyone would write.

A `Plan` is a tree: what kind of stage, its parameter, its code's version, what
it uses. `act` is what stages do, for the engine (`Actor`) and for the naive
build (`Reckoning`) alike: all that these share. The naive build knows no store,
no key, no cutoff and no schedule: it recurs, and notes each piece of work that
it comes by. Work is told by what went in: the code, the parameter, and what
each input looked like.

Few kinds over few numbers, so that contents collide, plans meet, and a stage
asks for what another one was planned to need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol, TypeAlias

from attrs import Factory, define, evolve, field, frozen
from returns.result import Failure, Result, Success

from lightfx.core.canonical import Tree, Unstorable, spell_checked
from lightfx.core.config import Config, Reference
from lightfx.core.derivation import Absent, Asks, Dependency, Derivation, Observed, Recipe
from lightfx.core.matching import Best, Some
from lightfx.core.outcome import Cause, Died, Left, Raised, Returned, Upstream
from lightfx.core.realization import BuildOrder, Given, MadeBy, Output, Outputs, Value
from lightfx.core.refs import DRef
from lightfx.core.terms import PLAIN, Resources, Retry, Terms

OUTPUTS: Final = {"pair": 2, "lot": 3, "pair_blurred": 2}
EPHEMERAL: Final = {"temp", "temp_asks", "temp_best", "temp_blurred", "fickle"}
FILES: Final = {*EPHEMERAL, "keep"}
CHANCY: Final = {"fickle", "dice"}
TRANSIENT: Final = {"dies", "shaky", "flaky"}
TRIES: Final = 2
TOLERATED: Final = 7
OUT_OF_LOTS: Final = 2

Content: TypeAlias = tuple[object, ...]
Ident: TypeAlias = tuple[object, ...]


@frozen
class Use:
    """A use of a plan: the first of its realizations, or the first ``many``, or the ``best`` of all."""

    plan: Plan
    many: int = 0
    tolerate: bool = False
    best: bool = False


@frozen(cache_hash=True)
class Plan:
    """One call of a stage."""

    kind: str
    param: int = 0
    uses: tuple[Use, ...] = ()
    version: int = 0
    name: str = ""


@frozen
class Want:
    """What a stage asks for as it runs; ``on`` are uses of its own that it hands on, ``over`` is a use in its plan."""

    kind: str
    param: int = 0
    on: tuple[int, ...] = ()
    many: int = 0
    tolerate: bool = False
    best: bool = False
    over: Want | None = None

    def plan(self, uses: Sequence[Use]) -> Plan:
        """The plan of it, for a stage that has these uses."""
        over = () if self.over is None else (self.over.use(uses),)
        return Plan(self.kind, self.param, (*(uses[each] for each in self.on), *over))

    def use(self, uses: Sequence[Use]) -> Use:
        return Use(self.plan(uses), self.many, self.tolerate, self.best)


@frozen
class Thing:
    """One outcome as a dependent sees it: what came out, and the text of the file that goes along."""

    result: Value | Cause
    file: str | None = None
    roots: frozenset[str] = frozenset()

    @property
    def content(self) -> Content:
        if isinstance(self.result, Value):
            return ("right", self.result.tree, self.file)
        if isinstance(self.result, Upstream):
            return ("upstream", *sorted(self.roots))
        if isinstance(self.result, Raised) and self.result.type == "CyclicNeedError":
            return ("raised", "ring")  # its reason names the derivation, which may be another of the same key
        return (self.result.kind, self.result.reason)

    @property
    def worth(self) -> int:
        """What it counts as an input: a tolerated LEFT as much as any other."""
        if not isinstance(self.result, Value):
            return TOLERATED
        return int(str(self.result.tree)) + int(self.file or 0)


Seen: TypeAlias = Sequence[Sequence[Thing]]
Need: TypeAlias = Callable[..., Seen]
RING: Final = Want("ring")


def right(number: int, file: object = None) -> Thing:
    return Thing(Value(number % 3), None if file is None else str(file))


# What stages do.


@frozen
class Job:
    """One call of a stage function, for one output."""

    kind: str
    param: int
    inputs: Seen
    index: int
    attempt: int
    need: Need
    fair: bool
    draw: Callable[[], int]
    begin: Callable[[], None]

    def one(self, *want: object, **how: Any) -> int:
        """Need one thing, and give what it counts."""
        return sum(thing.worth for thing in self.need(Want(*want, **how))[0])


def act(job: Job) -> Thing:
    """What a stage makes of its parameter, what it counts of its inputs, and what it asks for."""
    p = job.param
    t = sum(thing.worth for things in job.inputs for thing in things)
    match job.kind:
        case "blind":
            return right(0)
        case "add" | "source":
            return right(p + t)
        case "draw" | "pair":
            return right(p + t + job.index)
        case "even":
            return right(p + t) if (p + t) % 2 else Thing(Returned("Even", p + t))
        case "raises":
            return Thing(Raised("ValueError", ("ValueError", "Exception"), f"{p}", ""))
        case "dies":
            return Thing(Died(None, "SIGKILL"))
        case "shaky":
            return right(p + t) if job.fair else Thing(Died(None, "SIGKILL"))
        case "flaky":
            return right(t) if job.attempt > p else Thing(Raised("OSError", ("OSError", "Exception"), f"{p}", ""))
        case "keep" | "temp":
            return right(0, (p + t) % 3)
        case "dice":
            return right(job.draw())
        case "fickle":
            return right(0, job.draw())
        case _:
            return ask(job, p, t)


def ask(job: Job, p: int, t: int) -> Thing:
    """What stages make that ask for more as they run, and lots, which nobody else uses."""
    first = tuple(range(min(1, len(job.inputs))))
    match job.kind:
        case "lot":
            return right(p + t + job.index * job.index) if p != OUT_OF_LOTS else Thing(Returned("Out", p))
        case "asks":
            return right(p + job.one("add", t % 3))
        case "asks_both":
            got = job.need(Want("add", t % 3), Want("draw", t % 3, many=2))
            return right(p + sum(thing.worth for things in got for thing in things))
        case "asks_more":
            return right(p + job.one("draw", job.one("add", t % 3), many=1 + p % 2))
        case "asks_risky":
            return right(p + job.one("even", t % 3))
        case "asks_wary":
            got = job.need(Want("even", t % 3, tolerate=True), Want("shaky", p % 2, tolerate=True))
            return right(sum(thing.worth for things in got for thing in things))
        case "asks_deep":
            return right(t + (job.one("asks_deep", p - 1, on=first) if p > 0 else job.one("add", t % 3)))
        case "asks_blur" | "asks_blurred" | "pair_blurred" | "temp_blurred":
            return blur(job, p, t)
        case "ring":
            return right(job.one("ring"))
        case _:
            return ask_more(job, p, t, first)


def blur(job: Job, p: int, t: int) -> Thing:
    """What stages make that see less of what lies outside than there is, and of stages that do."""
    match job.kind:
        case "asks_blur":
            return right(job.one("source", p % 2) // 2)
        case "pair_blurred":
            return right(p + job.index + job.one("asks_blurred", t % 2))
        case "temp_blurred":
            return right(0, (p + job.one("asks_blur", t % 2)) % 3)
        case _:
            return right(p + job.one("asks_blur", t % 2))


def ask_more(job: Job, p: int, t: int, first: tuple[int, ...]) -> Thing:
    """What stages make that ask for files, or hand on what they were given."""
    match job.kind:
        case "asks_file":
            return right(p + job.one("temp", t % 3))
        case "asks_source":
            return right(p + job.one("source", t % 2))
        case "asks_on":
            return right(p + job.one("add", p, on=first))
        case "asks_temp_on":
            return right(job.one("temp", p, on=first))
        case "temp_asks":
            job.begin()
            return right(0, (p + job.one("add", t % 3)) % 3)
        case "asks_temp_asks":
            return right(p + job.one("temp_asks", t % 3))
        case "asks_best":
            return right(p + job.one("lot", t % 3, best=True))
        case "asks_over":
            lot = Want("lot", t % 3, best=True, tolerate=p == 0)
            return right(p + job.one("add", p, over=lot) + job.one("add", 0, over=Want("add", 1, over=lot)))
        case "asks_best_asks":
            return right(job.one("asks_best", t % 2) + job.one("lot", t % 3, best=True, tolerate=True))
        case "temp_best":
            return right(0, (p + job.one("lot", t % 3, best=True)) % 3)
        case "asks_temp_best":
            return right(p + job.one("temp_best", t % 2))
    raise ValueError(job.kind)


QUIET: Final = ("add", "add", "blind", "draw", "pair", "even", "even", "raises", "dies", "shaky", "flaky", "source")
BULKY: Final = ("keep", "temp", "temp", "temp_asks")
ASKING: Final = (
    *("asks", "asks_both", "asks_more", "asks_risky", "asks_wary", "asks_deep", "asks_deep", "asks_file"),
    *("asks_source", "asks_on", "asks_temp_on", "asks_temp_asks", "ring"),
)
# With matchers that take a function. Of what these choose from there are always the same candidates.
PICKING: Final = (
    "asks_best",
    "asks_over",
    "asks_over",
    "asks_best_asks",
    "temp_best",
    "asks_temp_best",
    "asks_deep",
    "asks_on",
)
# Of what lies outside these see less than there is: it changes, and what they ask for comes out the same.
BLURRING: Final = ("asks_blur", "asks_blurred", "asks_blurred", "pair_blurred", "temp_blurred")


# For the engine: plans, and what runs them.


class Files(Protocol):
    """Where stages write and read."""

    def write(self, folder: Path, text: str) -> None: ...
    def read(self, folder: Path) -> str: ...
    def look(self, path: Path) -> int: ...


@define(eq=False)
class Surroundings:
    """What stages meet as they run, and what is noted of them; ``done`` is the work that came to an end.

    Plans in ``barred`` may be used and not run.
    """

    files: Files
    outside: Path = Path("/outside")
    fair: bool = True
    done: list[tuple[Ident, Thing]] = Factory(list)
    tries: Counter[Ident] = Factory(Counter)
    drawn: int = 0
    faults: list[str] = Factory(list)
    plans: dict[Plan, Derivation[object]] = Factory(dict)
    known: dict[str, Plan] = Factory(dict)
    barred: frozenset[Plan] = frozenset()

    def anew(self, *, fair: bool) -> None:
        """Begin another run."""
        self.fair = fair
        self.done = []
        self.tries.clear()

    def draw(self) -> int:
        self.drawn += 1
        return self.drawn


class SuspendedError(Exception):
    """A stage asks for what is not there yet."""

    def __init__(self, needs: tuple[Dependency, ...]) -> None:
        super().__init__()
        self.needs = needs


@frozen(eq=False)
class Actor:
    """The realizer of a plan."""

    plan: Plan
    references: tuple[Reference, ...]
    around: Surroundings
    terms: Terms
    type: object = int

    def parts(self) -> tuple[tuple[str, str], ...]:
        return ()

    def current(self, config: Config, /) -> bool:
        return True

    def decode(self, tree: Tree, folder: Path | None, /) -> Result[object, Unstorable]:
        return Success(tree)

    def made_by(self) -> MadeBy:
        return MadeBy()

    def __call__(self, order: BuildOrder, /) -> Result[Outputs, Left | Asks]:
        if self.terms.stored_only:
            self.around.faults.append(f"{self.plan} ran, and may not")
        outputs: list[Output] = []
        for index in order.indices:
            try:
                thing = self._make(order, index)
            except SuspendedError as suspended:
                return Failure(Asks(suspended.needs))
            folder = order.folder(index)
            if thing.file is not None:
                self.around.files.write(folder, thing.file)
            if not isinstance(thing.result, Value):
                return Failure(Left(thing.result))
            outputs.append(Output(thing.result.tree, None if thing.file is None else folder))
        return Success(tuple(outputs))

    def _make(self, order: BuildOrder, index: int) -> Thing:
        around, plan, asked = self.around, self.plan, list[Content]()
        inputs = [[self._seen(given) for given in order.inputs[reference].given] for reference in self.references]
        if plan.kind == "source":
            inputs = [[Thing(Value(around.files.look(around.outside / str(plan.param))))]]

        def need(*wants: Want) -> Seen:
            needs = [self.wanted(want, order) for want in wants]
            missing = tuple(each for each in needs if each.reference not in order.asked)
            if missing:
                raise SuspendedError(missing)
            got = [[self._seen(given) for given in order.inputs[each.reference].given] for each in needs]
            asked.extend(tuple(thing.content for thing in things) for things in got)
            return got

        base = ident_of(plan, inputs, index, ())
        around.tries[base] += plan.kind == "flaky"
        param = plan.param + plan.version % 2

        def begin() -> None:
            around.files.write(order.folder(index), "half")

        thing = act(Job(plan.kind, param, inputs, index, around.tries[base], need, around.fair, around.draw, begin))
        around.done.append((ident_of(plan, inputs, index, asked), thing))
        return thing

    def wanted(self, want: Want, order: BuildOrder) -> Dependency:
        """Plan what is asked for, with uses of this stage known by reference alone, as stages know them."""
        if want == RING:
            own = tuple(_handed_on(reference) for reference in self.references)
            return Derivation(Recipe(order.config, order.dref, self, own))
        use = want.use(self.plan.uses)
        over = () if want.over is None else (self.wanted(want.over, order),)
        needs = (*(_handed_on(self.references[each]) for each in want.on), *over)
        return used(Derivation(recipe_of(use.plan, needs, self.around)), use)

    def _seen(self, given: Given) -> Thing:
        text = None
        if given.folder is not None:
            try:
                text = self.around.files.read(given.folder)
            except OSError:
                self.around.faults.append(f"{self.plan} ran without the files of {given.rref}")
                text = "0"
        return thing_of(given.result, text)


def thing_of(result: Value | Cause, text: str | None) -> Thing:
    roots = (root.rref.dref.text for root in result.roots) if isinstance(result, Upstream) else ()
    return Thing(result, text, frozenset(roots))


def ident_of(plan: Plan, inputs: Seen, index: int, asked: Sequence[Content]) -> Ident:
    seen = tuple(tuple(thing.content for thing in things) for things in inputs)
    shapes = tuple((use.many > 0, use.tolerate) for use in plan.uses)  # not how it was chosen: contents tell
    return (plan.kind, plan.param, plan.version, shapes, seen, index, tuple(asked))


def _handed_on(reference: Reference) -> Dependency:
    derivation: Derivation[object] = Derivation(Absent(evolve(reference, tolerate=False)))
    return derivation.tolerate() if reference.tolerate else derivation


def used(derivation: Derivation[object], use: Use) -> Dependency:
    chosen: Derivation[object] = derivation.collect(Some(use.many)) if use.many else derivation
    if use.best:
        chosen = derivation.choose(Best(lambda value: int(str(value)), "worth"))
    return chosen.tolerate() if use.tolerate else chosen


def recipe_of(plan: Plan, needs: tuple[Dependency, ...], around: Surroundings) -> Recipe:
    references = tuple(need.reference for need in needs)
    args: dict[str, Tree] = {"needs": [each.tree for each in references], "param": plan.param}
    name = plan.name or plan.kind
    tree: dict[str, Tree] = {"args": args, "code": {"version": f"{plan.kind} {plan.version}"}, "name": name}
    observed = None
    if plan.kind == "source":
        observed = Observed(around.outside / str(plan.param))
        tree |= {"code": {"source": "toy"}, "path": str(observed.path)}
    config = Config(spell_checked(tree))
    terms = Terms(
        OUTPUTS.get(plan.kind, 1),
        resources=Resources(tickets={"seat": 1}) if plan.kind == "draw" else PLAIN,
        retry=Retry(times=TRIES - 1, backoff=0.03) if plan.kind == "flaky" else Retry(times=0),
        ephemeral=plan.kind in EPHEMERAL,
        stored_only=plan in around.barred,
    )
    dref = DRef.of(config.text, name)
    around.known[dref.text] = plan
    return Recipe(config, dref, Actor(plan, references, around, terms), needs, observed)


def planned(plan: Plan, around: Surroundings) -> Derivation[object]:
    """Plan it all, each once."""
    found = around.plans.get(plan)
    if found is None:
        needs = tuple(used(planned(use.plan, around), use) for use in plan.uses)
        found = around.plans[plan] = Derivation(recipe_of(plan, needs, around))
    return found


# The naive build.


class SunkError(Exception):
    """A stage asked for what is LEFT, and does not tolerate it."""

    def __init__(self, roots: frozenset[str]) -> None:
        super().__init__()
        self.roots = roots


@define(eq=False)
class Reckoning:
    """What becomes of plans, by recursion.

    ``lucky``: work of the shaky kind that came out RIGHT once, and stays so.
    ``works``: all the work there was to do, with what came of it.
    """

    around: Surroundings
    outside: tuple[int, ...]
    fair: bool
    lucky: set[Ident]
    works: dict[Ident, Thing] = Factory(dict)
    _rows: dict[tuple[Plan, int, bool], tuple[Thing, ...]] = field(factory=dict)

    def outcome(self, plan: Plan) -> Thing:
        """What a plan comes to."""
        return self.chosen(Use(plan))[0]

    def chosen(self, use: Use) -> tuple[Thing, ...]:
        """What a use sees: RIGHTs before LEFTs."""
        found = self._rows.get((use.plan, use.many, use.best))
        if found is None:
            lots = OUTPUTS["lot"] if use.plan.param != OUT_OF_LOTS else 1  # a run that fails, fails at its first output
            count = lots if use.best else max(1, use.many)
            found = self._reckon(use.plan, count)
            if use.best:
                found = (max(found, key=lambda thing: thing.worth if isinstance(thing.result, Value) else -1),)
            self._rows[use.plan, use.many, use.best] = found
        return found

    def _reckon(self, plan: Plan, count: int) -> tuple[Thing, ...]:
        dref = planned(plan, self.around).dref.text
        inputs = [self.chosen(use) for use in plan.uses]
        try:
            self._refuse_lefts(plan.uses, inputs)
            per_run = min(count, OUTPUTS.get(plan.kind, 1)) if plan.kind == "lot" else OUTPUTS.get(plan.kind, 1)
            made = [self._make(plan, inputs, index) for index in range(-(-count // per_run) * per_run)][:count]
        except SunkError as sunk:
            return (Thing(Upstream((), len(sunk.roots)), roots=sunk.roots),)
        things = [
            thing if isinstance(thing.result, Value) else evolve(thing, roots=frozenset({dref})) for thing in made
        ]
        return tuple(sorted(things, key=lambda thing: not isinstance(thing.result, Value)))

    def _refuse_lefts(self, uses: Sequence[Use], inputs: Seen) -> None:
        lefts = [
            thing
            for use, things in zip(uses, inputs, strict=True)
            for thing in things
            if not use.tolerate and not isinstance(thing.result, Value)
        ]
        if lefts:
            raise SunkError(frozenset[str]().union(*(thing.roots for thing in lefts)))

    def _make(self, plan: Plan, inputs: Seen, index: int) -> Thing:
        if plan.kind == "ring":
            why = f"it asks for something that stands on {planned(plan, self.around).dref} itself"
            return Thing(Raised("CyclicNeedError", ("CyclicNeedError", "RecursionError", "Exception"), why, ""))
        if plan.kind == "source":
            inputs = [[Thing(Value(self.outside[plan.param]))]]
        asked: list[Content] = []

        def need(*wants: Want) -> Seen:
            uses = [want.use(plan.uses) for want in wants]
            got = [self.chosen(use) for use in uses]
            self._refuse_lefts(uses, got)
            asked.extend(tuple(thing.content for thing in things) for things in got)
            return got

        base = ident_of(plan, inputs, index, ())
        fair = self.fair or base in self.lucky
        param = plan.param + plan.version % 2
        thing = Thing(Value(None))
        for attempt in range(1, TRIES + 1):
            thing = act(Job(plan.kind, param, inputs, index, attempt, need, fair, lambda: 0, lambda: None))
            if isinstance(thing.result, Value) or plan.kind != "flaky":
                break
        if plan.kind == "shaky" and isinstance(thing.result, Value):
            self.lucky.add(base)
        self.works[ident_of(plan, inputs, index, asked)] = thing
        return thing


# Programs, and how they evolve.


@frozen
class Spec:
    """One line of a program; ``uses`` name earlier lines."""

    kind: str
    param: int
    uses: tuple[tuple[int, int, bool], ...]
    version: int = 0
    name: str = ""


@frozen
class Program:
    """Lines, of which some are targets, and the files outside."""

    lines: tuple[Spec, ...]
    targets: tuple[int, ...]
    outside: tuple[int, ...]

    @property
    def plans(self) -> list[Plan]:
        """Every line as a plan."""
        made: list[Plan] = []
        for line in self.lines:
            uses = tuple(Use(made[need], many, tolerate) for need, many, tolerate in line.uses)
            made.append(Plan(line.kind, line.param, uses, line.version, line.name))
        return made


def program(chance: Random, size: int = 6, asking: Sequence[str] = ASKING) -> Program:
    """Write a program, with ``asking`` among the kinds of stage."""
    chancy = chance.random() < 0.1
    lines: list[Spec] = []
    for number in range(chance.randrange(1, size + 1)):
        pool = (QUIET, QUIET, BULKY, asking, (*CHANCY,) if chancy else QUIET)[chance.randrange(5)]
        kind = pool[chance.randrange(len(pool))]
        uses: dict[tuple[int, int, bool], None] = {}
        for _ in range(chance.randrange(4) if number and kind != "source" else 0):
            many = (0, 0, 0, 1, 2, 3)[chance.randrange(6)]
            uses[chance.randrange(number), many, chance.random() < 0.3] = None
        name = "" if kind == "source" else ("", "", "other")[chance.randrange(3)]
        lines.append(Spec(kind, chance.randrange(2 if kind == "source" else 3), tuple(uses), 0, name))
    used_ones = {use[0] for line in lines for use in line.uses}
    targets = tuple(
        number
        for number, line in enumerate(lines)
        if number not in used_ones or chance.random() < (0.1 if line.kind in EPHEMERAL else 0.4)
    )
    return Program(tuple(lines), targets, (chance.randrange(3), chance.randrange(3)))


def evolved(before: Program, chance: Random) -> Program:
    """Write the next version of a program."""
    if any(line.kind in BLURRING for line in before.lines) and chance.random() < 0.6:
        return evolve(before, outside=(chance.randrange(3), chance.randrange(3)))
    at = chance.randrange(len(before.lines))
    line = before.lines[at]
    match chance.randrange(6):
        case 0:
            return evolve(before, outside=(chance.randrange(3), chance.randrange(3)))
        case 1:
            line = evolve(line, version=(line.version + chance.randrange(1, 3)) % 3 if line.kind != "source" else 0)
        case 2:
            line = evolve(line, name="" if line.kind == "source" else ("", "other", "another")[chance.randrange(3)])
        case _:
            line = evolve(line, param=chance.randrange(2 if line.kind == "source" else 3))
    return evolve(before, lines=(*before.lines[:at], line, *before.lines[at + 1 :]))
