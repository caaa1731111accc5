"""A narrative about one heap of things in free wording, read clause by clause: how it starts, what
happens to the heap, what is asked. Whatever else a clause may say (a second person's heap, prices,
"each") is not understood, and neither is the narrative.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ttc_explorer.problems.canonical_wording import word_list

NarrativeParameters = tuple[bool, int, tuple[tuple[str, int], ...]]
"""Asked backwards or not, the known number, the stages as (sign, number)."""

_GAIN_VERBS = word_list(
    """
    adds added bakes baked buys bought catches caught collects collected earns earned finds found
    gains gained gets got makes made picks picked receives received wins won
    """
)
_LOSS_VERBS = word_list(
    """
    breaks broke burns burned donates donated drinks drank drops dropped eats ate gives gave loses
    lost pays paid sells sold spends spent uses used wastes wasted
    """
)
_ADDED = word_list("added bought delivered found given")
_REMOVED = word_list("broken donated drunk eaten lost removed sold spent stolen taken used wasted")
_MULTIPLES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_PRONOUNS = ("he", "she", "it", "they", "i", "we", "you")
_OF_SOMEBODY = (
    r"(?:his|her|its|their|my|our|the|all|all his|all her|all of his|all of her|all "
    r"the|the remaining)"
)

_SLOTS = {
    "WHO": r"(?:(?P<who>(?:(?:a|an|the|my|his|her|our|your) )?[a-z]+) )??(?:also )?",
    "SOMEBODY": r"(?!(?:he|she|it|they|i|we|you) )(?:(?:a|an|his|her|their|my|the|another|one) )?"
    r"(?:[a-z]+ (?:of his |of her )?)?[a-z]+",
    "WHOM": r"(?P<whom>him|her|them|it|me|us|[a-z]+)",
    "AMOUNT": r"(?:another |a further |a [a-z]+ (?:of|with) )?(?P<n>\d{1,4})"
    r"(?: more| other| new| extra| additional| further)?THINGS?(?: more| again)?",
    "THINGS": r"(?: (?:of )?(?:the |his |her |their |my )?"
    r"(?P<things>(?!(?:away|to|from|for|out|more|times)\b)[a-z]+(?: of)?(?: [a-z]+)??))",
    "ASKED": r"(?P<asked>(?: [a-z]+){1,3}?)??",
    "PEOPLE": r"(?P<n>\d{1,4})(?: more| other)?(?: people| children|THINGS)? ",
    "HEAP": rf"(?:them|it|the rest|the remainder|what is left|{_OF_SOMEBODY} "
    r"(?P<heap>(?!number|quantity|rest|remainder)[a-z]+(?: of [a-z]+)?)"
    r"|(?:the )?quantity of (?:the |his |her )?(?P<counted>[a-z]+(?: of [a-z]+)?)"
    r"|(?:the|this|that|his|her) (?:number|quantity|amount))",
    "WHERE": r"(?: (?!(?:at|in) the (?:start|beginning|end)\b)"
    r"(?:to|from|for|at|in|on|into|under|behind|with|back to) "
    r"(?:[a-z]+ ){0,3}(?P<place>(?!(?:now|left)\b)[a-z]+))?",
    "GAIN": rf"(?:{'|'.join(_GAIN_VERBS)}|(?:is|was) given)(?: up)?",
    "LOSS": rf"(?:{'|'.join(_LOSS_VERBS)}|(?:takes|took) (?:away|out)|(?:throws|threw) "
    rf"away|(?:hands|handed) out)",
    "ADDED": rf"(?:{'|'.join(_ADDED)})",
    "REMOVED": rf"(?:{'|'.join(_REMOVED)})",
    "DOUBLES": rf"(?P<times>{'|'.join(_MULTIPLES)})[ds]?",
    "EQUALLY": r"(?: equally| evenly| fairly)",
    "HOLDS": r"(?:now )?(?:has|had|have|owns|owned|contains|contained|holds)(?: now| still)?",
    "ENDS": r"(?:now )?(?:is left with|was left with|ends up with|ended up with|finishes "
    r"with|finished with)",
    "NOW": r"(?: now| left| remaining| in the end| at the end| in total| in all| altogether| left "
    r"now"
    r"| left over| left in the end)?",
    "EARLIER": r"(?: initially| originally| at the beginning| in the beginning| at the start| to "
    r"start with"
    r"| to begin with| before| before that| before all this)",
}
_SLOT = re.compile("|".join(sorted(_SLOTS, key=len, reverse=True)))


def _patterns(*texts: str) -> list[re.Pattern[str]]:
    found = []
    for text in texts:
        for _ in range(2):  # a slot may hold another
            text = _SLOT.sub(lambda match: _SLOTS[match[0]], text)
        found.append(re.compile(text))
    return found


_START = _patterns(
    r"WHO(?:HOLDS|starts with|started with|begins with|began with|GAIN) AMOUNTWHERE",
    r"there (?:are|were) AMOUNTWHERE",
)
_UNKNOWN_START = _patterns(
    r"WHO(?:HOLDS|GAIN) (?:some|a few|several|a quantity of)THINGSWHERE",
    r"there (?:are|were) (?:some|a few|several|a quantity of)THINGSWHERE",
)
_STAGES = {
    "+": _patterns(
        r"WHOGAIN AMOUNTWHERE",
        r"SOMEBODY (?:gives|gave|hands|handed|sends|sent|brings|brought|buys|bought) WHOM AMOUNT",
        r"AMOUNT (?:are|were) (?:ADDED|put in)WHERE",
        r"PEOPLE(?:get on|got on|join|joined|hatch|hatched|come in|came "
        r"in|arrive|arrived|board|boarded|enter"
        r"|entered)WHERE",
    ),
    "-": _patterns(
        r"WHOLOSS(?: away)? AMOUNT(?: away)?WHERE",
        r"WHO(?:gives|gave) (?:a |an |his |her |the |their )?(?!away)[a-z]+ AMOUNT",
        r"AMOUNT (?:are|were) (?:REMOVED)(?: away| out)?WHERE",
        r"PEOPLE(?:get off|got off|die|died|break|broke|disappear|disappeared|get lost|got "
        r"lost|leave|left"
        r"|fly away|flew away|go away|went away|go home|went home)WHERE",
    ),
    "*": _patterns(
        r"WHODOUBLES HEAP",
        r"HEAP (?:is |are |was |were )?DOUBLES",
        r"HEAP (?:grows|grew|increases|increased|rises|rose) to (?P<n>\d) times as (?:many|large)",
        r"HEAP (?:becomes|became|is|was|gets|got) (?P<n>\d) times as (?:many|large|big|much)(?: "
        r"as before)?",
        r"HEAP (?:is|are|was|were|gets|get) multiplied by (?P<n>\d)",
        r"WHO(?:wins|plays) until (?:there are|he has|she has) (?P<n>\d) times as many",
        r"WHO(?:has|had) (?P<n>\d) times as many(?: as before)?",
    ),
    "/": _patterns(
        r"WHO(?:keeps|kept) one of (?P<n>\d{1,2}) equal (?:parts|shares|piles|groups)",
        r"WHO(?:keeps|kept) (?:only |just )?(?P<half>half)(?:(?: of)? HEAP)?",
        r"WHO(?:keeps|kept) (?:only |just )?1/(?P<n>\d)(?: of HEAP)?",
        r"WHOLOSS(?: away)? (?P<half>half)(?:(?: of)? HEAP)?(?: away)?WHERE",
        r"WHO(?P<half>halves|halved) HEAP",
        r"(?P<half>half)(?: of HEAP)? (?:are|were|is|was) (?:REMOVED)(?: away| out)?WHERE",
        r"(?:only )?(?P<half>half)(?: of HEAP)? (?:remains|remain|remained|is left|are left)",
        r"HEAP (?:is|are|was|were) (?P<half>halved)",
    ),
}
_SHARING = _patterns(
    r"WHO(?:shares|shared|divides|divided|splits|split)(?: HEAP)?EQUALLY "
    r"(?:among|amongst|between|into) "
    r"(?P<n>\d{1,2})(?: [a-z]+)?",
    r"WHO(?:shares|shared|divides|divided|splits|split)(?: HEAP)? (?:among|amongst|between|into) "
    r"(?P<n>\d{1,2}) (?:[a-z]+EQUALLY|equal [a-z]+)",
)
_OWN_SHARE = _patterns(
    r"WHO(?:keeps|kept) (?:only |just )?(?:one(?: of them| [a-z]+)?|(?:his|her|their) share)"
)
_END = _patterns(
    r"(?:WHO(?:HOLDS|ENDS)|there (?:are|were)(?: now| still)?) AMOUNTNOWWHERE",
    r"AMOUNT (?:are|were|remain) left",
)
_ASK_END = _patterns(
    r"how manyASKED (?:does|do|did|will) (?P<who>(?:the |my )?[a-z]+) (?:now |still )?"
    r"(?:have|end up with)NOW",
    r"how manyASKED (?:are|were)(?: there| left| now)?WHERENOW",
    r"how manyASKED (?:remain|remained)",
)
_ASK_EACH = _patterns(
    r"how manyASKED (?:does|do|did|will) (?:each|every)(?: one| of them| [a-z]+)? "
    r"(?:get|receive|have)",
)
_ASK_START = _patterns(
    r"how manyASKED (?:does|do|did) (?P<who>(?:the |my )?[a-z]+) haveEARLIER",
    r"how manyASKED (?:does|do|did) (?P<who>(?:the |my )?[a-z]+)EARLIER have",
    r"how manyASKED (?:did|does) (?P<who>(?:the |my )?[a-z]+) (?:start|start out|begin) with",
    r"how manyASKED (?:were|was|are)(?: there)?WHEREEARLIER",
)
_CLAUSE = re.compile(r"[.,;:!?\n]+|\b(?:and|but|then|afterwards|after that|later|next|finally)\b")
_ASIDE = re.compile(
    r"(?:after|at|during|for|in|on) (?:the |a |his |her |their |my "
    r")?(?!(?:end|start|beginning|total)\b)"
    r"[a-z]+(?: [a-z]+)?"
)
"""Where or when something happens."""
_CLAUSE_OPENING = re.compile(
    rf"(?:{_ASIDE.pattern} (?=(?:he|she|it|they|i|we) )|(?:now|so|first|today|yesterday|this "
    rf"morning"
    r"|in the end|at the end|at last|unfortunately|at the (?:[a-z]+ "
    r")?(?:stop|station)|initially|suppose"
    r"|this leaves|of these) )"
)
_CLAUSE_EDGES = " '\"()"
MAX_CLAUSE_LENGTH = 120
_OUT_OF_SCOPE_WORDS = frozenset(
    word_list(
        """
        both cent cents cost costs day days dollar dollars each euro euros every half-price nobody
        per price than week weeks
        """
    )
)
"""Words of narratives about more than one heap."""


@dataclass
class _Heap:
    """Whose it is (empty for a box or basket), and what is in it: every name that may stand for
    it."""

    owner: str = ""
    names: set[str] = field(default_factory=set)

    def is_about(self, match: re.Match[str]) -> bool:
        """Whether a clause speaks of this heap and of nobody else's."""
        groups = match.groupdict()
        person = _person_name(groups.get("who"))
        things = [groups.get(slot) or "" for slot in ("things", "heap", "counted", "asked")]
        mine = not self.owner or person in ("", self.owner, *_PRONOUNS)
        receiver = groups.get("whom") in (
            None,
            "him",
            "her",
            "them",
            "it",
            "me",
            "us",
            self.owner or groups.get("whom"),
        )
        return (
            mine
            and receiver
            and {thing.strip() for thing in things if thing}
            <= self.names | {"them", "those", "these", "ones"}
        )


def parse_narrative(text: str) -> NarrativeParameters | None:
    """The parameters of a narrative in ASCII with its numbers as digits; None if any of it is not
    understood."""
    clauses = [_strip_opening(clause) for clause in _CLAUSE.split(text.replace("'s ", " "))]
    clauses = [clause for clause in clauses if clause and not _ASIDE.fullmatch(clause)]
    if len(clauses) < 3 or any(len(clause) > MAX_CLAUSE_LENGTH for clause in clauses):
        return None
    if not _OUT_OF_SCOPE_WORDS.isdisjoint(" ".join(clauses[:-1]).split()):
        return None
    heap = _Heap()
    start, backward = _first_match(_START, clauses[0]), False
    if start is None:
        start, backward = _first_match(_UNKNOWN_START, clauses[0]), True
    if start is None or not start["things"]:
        return None
    container = (
        _person_name(start.groupdict().get("who"))
        if re.search(r"\b(?:contain|hold)", clauses[0])
        else ""
    )
    heap.owner = "" if container else _person_name(start.groupdict().get("who"))
    heap.names = {start["things"], start["things"].split()[0], start["things"].split()[-1]}
    known_number = None if backward else int(start["n"])
    stages, at = _parse_stage_clauses(clauses[1:-1], heap)
    rest = clauses[1 + at : -1]
    if backward:
        end = _first_match(_END, rest[0]) if len(rest) == 1 else None
        known_number = int(end["n"]) if end and heap.is_about(end) else None
        rest = []
    asked = _first_match(_ASK_START if backward else _ASK_END, clauses[-1])
    if (
        not backward
        and len(rest) == 1
        and (shared := _first_match(_SHARING, rest[0]))
        and heap.is_about(shared)
    ):
        asked, rest, stages = (
            _first_match(_ASK_EACH, clauses[-1]),
            [],
            (*stages, ("/", int(shared["n"]))),
        )
    place = asked.groupdict().get("place") if asked else None
    if (
        asked is None
        or not heap.is_about(asked)
        or place not in (None, heap.owner or container, start.groupdict().get("place"))
    ):
        return None
    return (backward, known_number, stages) if known_number and stages and not rest else None


def _parse_stage_clauses(
    clauses: list[str], heap: _Heap
) -> tuple[tuple[tuple[str, int], ...], int]:
    """The stages in the first clauses, and how many clauses those are."""
    stages: list[tuple[str, int]] = []
    at = 0
    while at < len(clauses):
        shared = _first_match(_SHARING, clauses[at])
        if (
            shared
            and heap.is_about(shared)
            and at + 1 < len(clauses)
            and _first_match(_OWN_SHARE, clauses[at + 1])
        ):
            stages.append(("/", int(shared["n"])))
            at += 2
            continue
        found = {
            (sign, _stage_number(match))
            for sign, patterns in _STAGES.items()
            for pattern in patterns
            if (match := pattern.fullmatch(clauses[at])) and heap.is_about(match)
        }
        if len(found) != 1:
            break
        stages += found
        at += 1
    return tuple(stages), at


def _stage_number(match: re.Match[str]) -> int:
    groups = match.groupdict()
    return (
        2
        if groups.get("half")
        else _MULTIPLES[groups["times"]]
        if groups.get("times")
        else int(groups["n"])
    )


def _first_match(patterns: list[re.Pattern[str]], clause: str) -> re.Match[str] | None:
    return next((match for pattern in patterns if (match := pattern.fullmatch(clause))), None)


def _strip_opening(clause: str) -> str:
    """A clause without the word that links it to the one before."""
    clause = clause.strip(_CLAUSE_EDGES)
    return _CLAUSE_OPENING.sub("", clause, count=1) if _CLAUSE_OPENING.match(clause) else clause


def _person_name(who: str | None) -> str:
    return (who or "").rpartition(" ")[2]
