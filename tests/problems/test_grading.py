import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttc_explorer.problems.answer_equality import answers_equal
from ttc_explorer.problems.families import draw_problem
from ttc_explorer.problems.grading import (
    MAX_ANSWER_LENGTH,
    Grader,
    grade_lines,
    make_answer_checker,
)
from ttc_explorer.problems.problem import BadInput, Problem


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


def no_process(*_):
    raise AssertionError("this comparison must not need the process")


@pytest.fixture(scope="module")
def plain_grader():
    """Fails when a comparison asks the process."""
    grader = Grader()
    grader._compare_formulas = no_process
    return grader


PLAIN = [
    # numbers and how they are written
    ("7/3", "2 1/3", "equal"),
    ("-7/3", "-2 1/3", "equal"),
    ("21/3", "2 1/3", "different"),
    (r"12\frac{3}{5}", r"\boxed{12 \frac{3}{5}}", "equal"),
    ("1000", "1e3", "equal"),
    ("1500", r"1.5 \times 10^{3}", "equal"),
    ("1e999", "1e998", "different"),
    ("1000", "1,000", "equal"),
    ("1000", r"1{,}000.00", "equal"),
    ("10", r"\boxed{10.}", "equal"),
    ("-.5", r"-\dfrac12", "equal"),
    ("1/2", "½", "equal"),
    ("-5", "−5", "equal"),
    ("1/3", "0.333333", "equal"),
    ("1/3", "0.33", "different"),
    ("0.1", "0.2", "different"),
    ("6:30", "06:30", "equal"),
    ("6:30", "6.5", "different"),
    ("6:30", "1/5", "different"),
    ("10", "10_2", "different"),
    ("10_2", "10_{2}", "equal"),
    ("10_2", "10_3", "different"),
    # units, percentages, angles
    ("18", "$18", "equal"),
    ("18 dollars", r"\$18.00", "equal"),
    ("18", r"18\text{ cm}^2", "equal"),
    ("18 cm", "18 centimeters", "equal"),
    ("18 cm", "18 m", "different"),
    ("18", "-$18", "different"),
    ("-18", "-$18", "equal"),
    ("100", "100 square units", "equal"),
    ("20", "20 degrees Celsius", "equal"),
    ("50%", "0.5", "equal"),
    ("50", r"50\%", "equal"),
    ("50%", "5%", "different"),
    ("48", r"48^\circ", "equal"),
    ("4:30 p.m.", r"4:30 \text{ pm}", "equal"),
    ("4:30 a.m.", "4:30 p.m.", "different"),
    # names and equations
    ("3", "x = 3", "equal"),
    ("x = 3", "3", "equal"),
    ("3", "x = 6/2 = 3", "equal"),
    ("7", "3 + 4 = 7", "equal"),
    ("x = 3", "y = 3", "different"),
    ("25", r"\text{Area} = 25", "equal"),
    ("6", "2x+3y=6", "different"),
    ("1+1=2,5+2=7", "1+1=2, 2+5=7", "different"),
    # lists
    ("5,7", r"5 \text{ or } 7", "equal"),
    ("10", "10, 11 or 12", "different"),
    ("12", "10, 11 or 12", "different"),
    ("10, 11, 12", "10, 11 or 12", "equal"),
    ("3,5", "5, 3", "equal"),
    ("2,3", "3,3", "different"),
    ("2, 143", "2,143", "equal"),
    ("(3,5)", "3, 5", "equal"),
    ("(3,5)", "(5,3)", "different"),
    ("(3,5)", "[3,5]", "different"),
    (r"\{3,5\}", "5,3", "equal"),
    ("x=3, y=5", "y=5, x=3", "equal"),
    ("x=3, y=5", "y=3, x=5", "different"),
    ("1,-1", r"\pm 1", "equal"),
    ("(1,2),(3,4)", "(3,4),(1,2)", "equal"),
    # choices and words
    ("B", "(B)", "equal"),
    ("B", r"\text{(B)}", "equal"),
    ("(B)", "B. 12", "equal"),
    ("B", "The answer is (C).", "different"),
    ("B", "12", "different"),
    ("Tuesday", r"\text{tuesday}.", "equal"),
    ("listen", "silent", "different"),
    ("4:30p..", r"\boxed{4:30 \text{ p.m.}}", "different"),
    # nothing to compare
    ("5", "", "unreadable"),
    ("5", "I really do not know that", "unreadable"),
    ("5", "5" * (MAX_ANSWER_LENGTH + 1), "unreadable"),
]

FORMULAS = [
    ("1", "1/0", "different"),
    ("2d", "d+d", "equal"),
    ("2d", "2", "different"),
    (r"\pi r^2", r"\pi", "different"),
    (r"2\sqrt{3}\text{ meters}", r"\sqrt{12}", "equal"),
    (r"2\sqrt{3}\text{ meters}", r"\sqrt{12} cm", "different"),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", "equal"),
    ("4a-2", "2(2a-1)", "equal"),
    ("4a-2", "4a+2", "different"),
    ("x^10", "x^9*x", "equal"),
    ("2*sqrt(3)", r"\sqrt{12}", "equal"),
    ("1+√2, 1-√2", r"1 \pm \sqrt{2}", "equal"),
    ("45°", r"\frac{\pi}{4}", "equal"),
    (r"\pi/4", r"45^\circ", "equal"),
    (r"\pi/4", r"60^\circ", "different"),
    ("2x+3y=6", "6=3y+2x", "equal"),
    ("y=2x+1", "2x+1", "equal"),
    (r"(3,\infty)", "x>3", "equal"),
    (r"(3,\infty)", r"[3,\infty)", "different"),
    (
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"\begin{pmatrix}1&2\\3&2+2\end{pmatrix}",
        "equal",
    ),
    ("1024", "2^{10}", "equal"),
    ("x", "}{ +(", "unreadable"),
    ("4a-2", "", "unreadable"),
]


@pytest.mark.parametrize(("reference", "prediction", "verdict"), PLAIN)
def test_plain_answers_need_no_process(plain_grader, reference, prediction, verdict):
    assert plain_grader.verdict(reference, prediction) == verdict


@pytest.mark.parametrize(("reference", "prediction", "verdict"), FORMULAS)
def test_formulas(grader, reference, prediction, verdict):
    assert grader.verdict(reference, prediction) == verdict


def test_votes_keep_the_order_of_a_bare_list(plain_grader):
    assert plain_grader.equal("3,5", "3, 5")
    assert not plain_grader.equal("3,5", "5,3")
    assert plain_grader.equal("3 or 5", "5 or 3")


numbers = st.fractions(max_denominator=10**6)


@given(numbers, st.integers(1, 50))
def test_a_number_equals_its_other_spellings(plain_grader, number, factor):
    above, below = number.numerator * factor, number.denominator * factor
    sign, size = ("-" if number < 0 else ""), abs(number)
    whole, part = divmod(size.numerator, size.denominator)
    spellings = [
        f"{above}/{below}",
        rf"\frac{{{above}}}{{{below}}}",
        rf"$ {sign} \dfrac{{{abs(above)}}}{{{below}}} $.",
        f"x = {number}",
        rf"{number}\text{{ apples}}",
        rf"\boxed{{{sign}{whole} {part}/{size.denominator}}}",
    ]
    for spelling in spellings:
        assert plain_grader.verdict(str(number), spelling) == "equal"
        assert plain_grader.verdict(spelling, str(number)) == "equal"


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3
    )
)
def test_a_decimal_equals_its_other_spellings(plain_grader, decimal):
    for spelling in (
        f"{decimal:,}",
        f"{decimal}000",
        f"{decimal:e}",
        f"{decimal * 100}%",
        str(Fraction(decimal)),
    ):
        assert plain_grader.verdict(str(decimal), spelling) == "equal"


@given(numbers, numbers)
def test_different_numbers_differ(plain_grader, one, other):
    assert plain_grader.equal(str(one), str(other)) == (one == other)


simple = st.from_regex(
    r"-?\d{1,6}(/[1-9]\d{0,3})?|\d{1,3}\.\d{1,3}|[a-z]{1,9}|[A-E]", fullmatch=True
)


@given(st.lists(simple, min_size=1, max_size=5), st.sampled_from([",", ", ", " and "]))
def test_an_answer_equals_itself(plain_grader, members, comma):
    answer = comma.join(members)
    assert plain_grader.equal(answer, answer)
    assert plain_grader.verdict(answer, rf"so it is \boxed{{{answer}}}.") == "equal"


SIGNS = [
    *(
        "1",
        "2",
        "x",
        "y",
        "=",
        ",",
        "(",
        ")",
        "[",
        "]",
        "\\{",
        "\\}",
        "<",
        "\\le ",
        " or ",
        " and ",
    ),
    *(
        "\\frac{1}{2}",
        "\\cup ",
        "\\infty",
        "-",
        "A",
        "B",
        ".",
        "%",
        " cm",
        "\\approx ",
        ";",
        "i",
        "^",
    ),
]
answers = st.text(max_size=40) | st.lists(st.sampled_from(SIGNS), min_size=1, max_size=12).map(
    "".join
)


@given(answers)
def test_grading_is_reflexive(plain_grader, answer):
    assert plain_grader.verdict(answer, answer) == ("equal" if answer.strip() else "unreadable")


@example("0;0", "'or")
@given(answers, answers)
def test_comparing_for_votes_is_symmetric(one, other):
    """Whatever symbolic mathematics says of a pair of formulas."""

    def compare(reference, answer):
        return answers_equal(reference, answer, True, compare_formulas=lambda *_: None)

    assert compare(one, other) == compare(other, one)


@pytest.mark.parametrize(
    ("reference", "hostile", "verdicts"),
    [
        (
            "9^{9^{9^{9}}}",
            "8^{9^{9^{9}}}",
            {"timeout"},
        ),  # does not end: nobody knows, so it is not "different"
        (r"(x+1)^{5000}", r"(1+x)^{4999} \cdot (x+1)", {"timeout", "equal"}),
        ("x", "100000!", {"timeout", "different"}),
        ("x", "{" * 1500 + "2" + "}" * 1500, {"unreadable"}),
        ("x", "(" * 1500 + "2", {"unreadable"}),
    ],
)
def test_hostile_formulas_end_and_the_process_lives_on(grader, reference, hostile, verdicts):
    grader.verdict("x", "2x")
    process = grader._process._subprocess.pid
    assert grader.verdict(reference, hostile) in verdicts
    assert grader.verdict("x+x", "2x") == "equal"
    assert grader._process._subprocess.pid == process


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["\\boxed{" * 100_000, "(" * 2000 + ")" * 2000, "1," * 1999 + "2", " " * 3999 + "x"]
)
def test_huge_answers_are_graded(grader, text):
    assert grader.verdict("1, 2", text) in ("different", "unreadable")


@pytest.mark.slow
def test_a_process_that_was_killed_is_replaced(grader):
    assert grader.verdict("a+a", "2a") == "equal"
    os.killpg(grader._process._subprocess.pid, 9)
    assert grader.verdict("b+b", "2b") == "equal"


@pytest.mark.slow
def test_a_closed_grader_starts_again():
    grader = Grader()
    assert grader.equal("a+a", "2a")
    grader.close()
    assert grader._process._subprocess is None
    assert grader.equal("b+b", "2b")
    grader.close()


def test_many_threads_may_ask(grader):
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(
            threads.map(lambda n: grader.verdict(f"x+{n % 7}", f"{n % 5}+x"), range(70))
        )
    assert verdicts == ["equal" if n % 7 == n % 5 else "different" for n in range(70)]


@pytest.mark.slow
def test_a_forked_process_has_a_grader_of_its_own(grader):
    assert grader.verdict("c+c", "2c") == "equal"
    fork = os.fork()
    if fork == 0:
        own = grader.verdict("d+d", "2d") == "equal"
        grader.close()
        os._exit(0 if own else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert grader.verdict("e+e", "2e") == "equal"


@pytest.mark.slow
def test_any_main_module_will_do(tmp_path):
    """No guard around the main code, another working directory, and no wait for the process at the
    end."""
    script = tmp_path / "app.py"
    script.write_text(
        "from ttc_explorer.problems.grading import Grader\nprint(Grader().verdict('x+x', '2x'))\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": root},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("equal\n", "", 0)


# --- judging problems -----------------------------------------------------------------------------


def test_a_family_problem_is_judged_by_its_family(plain_grader):
    problem = Problem("Pick from 2, 3, 4, 5 numbers that sum to 7.", answer="5,2")
    is_correct = make_answer_checker(problem, plain_grader).is_correct
    assert is_correct("5,2")
    assert is_correct("4,3")
    assert not is_correct("5,3")
    assert not is_correct("7")


def test_a_drawn_problem_needs_no_reference(plain_grader):
    problem = draw_problem("linear", 2, Random(0))
    is_correct = make_answer_checker(Problem(problem.text), plain_grader).is_correct
    assert is_correct(problem.answer)
    assert not is_correct(problem.answer + "1")


def test_other_problems_are_judged_by_the_reference(plain_grader):
    is_correct = make_answer_checker(
        Problem("How many legs have two spiders?", answer="16"), plain_grader
    ).is_correct
    assert is_correct("16 legs")
    assert not is_correct("8")
    assert (
        make_answer_checker(Problem("How many legs have two spiders?"), plain_grader).is_correct
        is None
    )


# --- grading lines --------------------------------------------------------------------------------


def test_lines_keep_what_they_hold(plain_grader):
    lines = [
        json.dumps({"id": 1, "reference": "#### 18", "prediction": r"Hence \boxed{18}."}),
        "\n",
        json.dumps({"reference": 18, "prediction": "She makes 17 dollars in all.\nAnswer: 17"}),
        json.dumps({"reference": "18", "prediction": None}),
    ]
    graded = list(grade_lines(lines, plain_grader))
    assert [(row["verdict"], row["equal"]) for row in graded] == [
        ("equal", True),
        ("different", False),
        ("unreadable", False),
    ]
    assert graded[0]["id"] == 1
    assert graded[0]["prediction"] == r"Hence \boxed{18}."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"prediction": "1"}', '"reference"'),
        ('{"reference": "1"}', '"prediction"'),
        ('{"reference": " ", "prediction": "1"}', '"reference"'),
        ('{"reference": true, "prediction": "1"}', '"reference"'),
        ('{"reference": "1", "prediction": ["1"]}', '"prediction"'),
    ],
)
def test_a_bad_line_is_named(plain_grader, line, says):
    with pytest.raises(BadInput, match="Line 2") as error:
        list(grade_lines(['{"reference": "1", "prediction": "1"}', line], plain_grader))
    assert says in str(error.value)
    assert "\n" not in str(error.value)
