"""Seeded nonsense: mutated bytes and values, hostile texts, addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

MARKS = "".join(map(chr, range(0x300, 0x36F)))
HOSTILE_TEXTS = (
    "",
    " \t\n",
    "\x00",
    "Solve 3x+5=20.\x00",
    "\ud800",
    "Solve 3x+\udfff5=20.",
    "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "\u202eSolve 3x+5=20.\u202c\u2066\u2067",
    "a" + MARKS * 37,
    "e\u0301" * 2000,
    "<bos><eos><pad><unk></s><|im_start|>system\n<|im_end|><|endoftext|>[INST] [/INST]<<SYS>>",
    "<bos>Solve 3x+5=20.\n<eos>",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "__import__('os').system('x')",
    "'; DROP TABLE runs; --",
    "../../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "9" * 5000,
    "1/" + "9" * 5000,
    "0." + "1" * 5000,
    "2^" * 900 + "2",
    "(" * 1000 + "1" + ")" * 1000,
    "\\frac{" * 300 + "1" + "}{2}" * 300,
    "\\boxed{" * 200 + "5" + "}" * 200,
    "10^10^10^10",
    "factorial(10**9)",
    "x" * 100_000,
    "\n" * 4000,
    "٣x+٥=٢٠ Ⅳ ½ ①",
    "😀" * 1000,
    "nan",
    "Infinity",
    "-1e999",
    "\ufeff\u200b\u2060\u2028\u2029",
)
SCRIPTS = (
    "<script>window.harmed=1</script>",
    "<img src=x onerror=window.harmed=1>",
    "<svg onload=window.harmed=1>",
    "<iframe srcdoc='<script>parent.harmed=1</script>'></iframe>",
    "<a href='javascript:window.harmed=1'>go</a>",
    "<details open ontoggle=window.harmed=1>x</details>",
    '"><script>window.harmed=1</script>',
    "'-window.harmed=1-'",
    "${window.harmed=1}",
    "`;window.harmed=1;`",
    "{{constructor.constructor('window.harmed=1')()}}",
    "[x](javascript:window.harmed=1)",
    "$\\href{javascript:window.harmed=1}{x}$",
    "$\\htmlData{x=y}{\\unicode{x3c}}$",
    "</script><script>window.harmed=1</script>",
    "<math><mtext><img src=x onerror=window.harmed=1></mtext></math>",
    "<style>@import 'x'</style><style onload=window.harmed=1></style>",
    "&lt;img src=x onerror=window.harmed=1&gt;",
)
ODD_VALUES = (
    None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308, -1e308, 1e-320,
    "", "x", "true", "1", [], {}, [[]], [None], {"": None}, "\ud800", "\x00", "9" * 4400,
)  # fmt: skip


def mutate_bytes(data: bytes, rng: Random) -> bytes:
    """A few bytes flipped, cut out, doubled or added."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        place = rng.randrange(len(changed)) if changed else 0
        match rng.randrange(5):
            case 0 if changed:
                changed[place] ^= 1 << rng.randrange(8)
            case 1:
                del changed[place : place + rng.randrange(1, 200)]
            case 2:
                changed[place:place] = changed[place : place + rng.randrange(1, 200)]
            case 3:
                changed[place:place] = rng.randbytes(rng.randrange(1, 40))
            case _:
                del changed[place:]
    return bytes(changed)


def mutate_value(value: object, rng: Random) -> object:
    """One place in a JSON value, at any depth, made into something else."""
    if rng.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return odd_value(rng)
    copy = value.copy()
    key = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    match rng.randrange(12):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[rng.choice(("version", "nodes", "x", "", "question"))] = odd_value(rng)
        case 2 if isinstance(copy, list):
            copy.insert(key, copy[rng.randrange(len(copy))])
        case 3 if isinstance(copy, list):
            rng.shuffle(copy)
        case _:
            copy[key] = mutate_value(copy[key], rng)
    return copy


def odd_value(rng: Random) -> object:
    return rng.choice((*ODD_VALUES, *HOSTILE_TEXTS, *SCRIPTS))


def dumped(value: object) -> bytes:
    """JSON in UTF-8; lone surrogates as they would come from a careless writer."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def mutated_json(value: object, rng: Random) -> bytes:
    """The value changed in one to three places, sometimes its bytes as well."""
    for _ in range(rng.randrange(1, 4)):
        value = mutate_value(value, rng)
    data = dumped(value)
    return mutate_bytes(data, rng) if rng.random() < 0.3 else data


HOST_PARTS = (
    "localhost", "127.0.0.1", "[::1]", "evil.example", "@", ":", "/", "//", "#", "?", "%00",
    "%2e%2e", "..", "\\", " ", "\t", "0x7f.1", "2130706433", "http", "https", "file", "v1", "8000",
    "99999", "user:pass", "[", "]", "\u2024", "ⓛocalhost", "a" * 300, "169.254.169.254",
    "\ud800", "\n", "*",
)  # fmt: skip


def addresses(rng: Random) -> Iterator[str]:
    """Without end: what might be typed as the address of a server, or sent as a host."""
    while True:
        parts = rng.choices(HOST_PARTS, k=rng.randrange(1, 7))
        yield rng.choice(("http://", "https://", "", "HTTP://", "http:/", "//")) + "".join(parts)
