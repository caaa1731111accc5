import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc_explorer.problems.answer_reader import (
    AnswerSource,
    has_boxed_answer,
    read_answer,
    read_solution,
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("8-3=5 left 5,5\nAnswer: 3,-5", "3,-5"),
        ("Answer: 3,-5\n", "3,-5"),
        ("Answer: 1+1=2,5+2=7", "1+1=2,5+2=7"),
        ("**Final Answer:** $7$.", "7"),
        ("Answer:\n12", "12"),
        (r"Thus \(\boxed{\frac{1}{2}}\) it is.", r"\frac{1}{2}"),
        (r"First \boxed{3}, no: \boxed{ 4 }", "4"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{x = \boxed{5}}", "5"),
        (r"Answer: \boxed{6}", "6"),
        (r"\boxed{7} and then \boxed{8", "7"),
        ("He sells 9 * 2 = $18.\n#### 18", "18"),
        ("#### 1,234\n\nQuestion: more?", "1,234"),
        ("#### Step 2\nThe answer is 3.5. Good.", "3.5"),
        ("The answer is 3. Wait, the final answer is therefore: 4", "4"),
        ("answer: 12 dollars", "12 dollars"),
        ("The answer is\n$$\n42\n$$", "42"),
        ("The answer is\n\\[\n42\n\\]", "42"),
        ("the answer is $$\\frac{3}{4}$$", r"\frac{3}{4}"),
        (r"\boxed{10.}", "10"),
        (r"\boxed{}", None),
        ("", None),
        ("I think 4.", None),
        ("No question was answered here", None),
    ],
)
def test_the_marked_answer(text, answer):
    assert read_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3/4", "3/4"),
        ("10, 11 or 12", "10, 11 or 12"),
        ("We add them.\n\nSo Janet makes $18 every single day.\n", "18"),
        ("So all of them together are 10, 11 or 12", "10, 11 or 12"),
        ("First add, then multiply: there come out 3 and 4 of them", "3 and 4"),
        ("I really do not know that", ""),
        ("", ""),
        (r"so it is \boxed{2}", "2"),
    ],
)
def test_without_a_mark_the_last_line_answers_if_it_is_plain(text, answer):
    reading = read_solution(text)
    assert (reading.text if reading else "") == answer


@pytest.mark.parametrize(
    ("text", "answer", "source"),
    [
        (r"So \boxed{5}.\nAnswer: 6\n\boxed{7}", "7", AnswerSource.BOX),
        ("\\boxed{5}\nAnswer: 6", "6", AnswerSource.ANSWER_LINE),
        ("Answer: 6\n#### 7", "7", AnswerSource.GSM8K),
        ("#### 7\n<answer>8</answer>", "8", AnswerSource.TAGS),
        ("It is 4.\nThe answer is 5.\nGood, 6.", "5", AnswerSource.ANSWER_SENTENCE),
        ("12 + 7 = 19", "19", AnswerSource.WHOLE_TEXT),
        ("x = 3, y = 5", "x = 3, y = 5", AnswerSource.WHOLE_TEXT),
        ("So\n$$x = 5$$", "x = 5", AnswerSource.CLOSING_FORMULA),
        ("We add.\nShe has 19 left of them.", "19", AnswerSource.LAST_SENTENCE),
    ],
)
def test_a_reading_says_where_it_was_read(text, answer, source):
    reading = read_solution(text)
    assert (reading.text, reading.source) == (answer, source)
    assert reading.is_marked == (read_answer(text) is not None)


@pytest.mark.parametrize(
    "text",
    [
        r"So it is \boxed{",
        r"\boxed{}",
        r"The answer is \boxed{",
        r"So it is \boxed{\frac{1}{2",
        r"The answer is $\frac{1}{2",
        r"Answer: \boxed{3^{2",
        r"<answer>\boxed{\text{4 ap</answer>",
        r"<think>\boxed{3}",
        "Sum these values:\n\\[\n56 + 12 =",
        r"As a fraction it is \[ \frac{182}{364}",
        "4. **Sum up**:\n\\[\n\\text{Total earnings} =",
    ],
)
def test_what_breaks_off_within_a_formula_states_nothing(text):
    assert read_solution(text) is None


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        (r"So it is \boxed{7}.", True),
        (r"\boxed{7} and \boxed{8", True),
        (r"So it is \boxed{7", False),
        (r"\boxed{} is the answer is 7", False),
        (r"<think>\boxed{7}", False),
    ],
)
def test_only_a_closed_box_ends_a_solution(text, is_whole):
    assert has_boxed_answer(text) == is_whole


@pytest.mark.parametrize("text", ["12 + 7 = 19", "8-3=5 left 5,5", "a: 5", "So it is 5.", "a=5"])
def test_a_step_that_marks_nothing_ends_no_solution(text):
    assert read_answer(text) is None


MARKUP = [
    *("\\boxed{", "\\boxed", "{", "}", "(", ")", "$", "$$", "\\[", "\\]", "####", "Answer:", "A:"),
    *("the answer is ", "<answer>", "</answer>", "<think>", "</think>", "<|im_end|>", "<<1=1>>"),
    *("\n", " ", "1", ",", "and ", "or ", "is ", "which ", "=", "-", ".", "word ", "\\text{", "&"),
    *("\\frac", "\\begin{pmatrix}", "\\end{pmatrix}", "\\\\", "x", "...", "I hope ", "’", "½"),
]
pieces = st.lists(st.sampled_from(MARKUP), max_size=60).map("".join)


@given(st.text() | pieces)
def test_any_text_is_read_without_an_error(text):
    reading = read_solution(text)
    assert reading is None or (reading.text and reading.text == reading.text.strip())
    marked = read_answer(text)
    assert marked is None or (reading.text == marked and reading.is_marked)


@given(st.lists(st.sampled_from(MARKUP), min_size=1, max_size=6).map("".join))
@settings(max_examples=60)
def test_ten_thousand_characters_are_read_within_a_second(piece):
    text = (piece * 10_000)[:10_000]
    started = time.process_time()
    read_solution(text)
    assert time.process_time() - started < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 100_000,
        "\\boxed{" * 1_500 + "1" + "}" * 1_500,
        "answer " * 50_000,
        "Answer:" * 50_000,
        "\n#" * 50_000,
        "$" * 50_000,
    ],
)
def test_huge_texts_are_read(text):
    assert len(read_answer(text) or "") <= len(text)


@given(st.integers(), st.text(alphabet="abc 123=\n", max_size=50))
def test_our_own_format_is_read_whatever_stands_before(number, before):
    assert read_answer(f"{before}\nAnswer: {number}\n") == str(number)
