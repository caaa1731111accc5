"""An example for every term of the glossary, in two lines: a case, and what the term says of it.

The numbers are made up to be easy; what was measured stands on the pages. The glossary as a
document::

    python -m ttc_explorer.ui.glossary_examples > docs/terms_on_screen.md
"""

from __future__ import annotations

from ttc_explorer.ui.glossary import TERMS

_TWO_LINES = """
score
A step reads 12-5=7, and the verifier gives it 0.92.
It expects solutions that go on from here to end right nine times in ten.

kept
A round has steps scored 0.9, 0.8, 0.3 and 0.1, and two places.
0.9 and 0.8 are kept; the search goes on from them alone.

pruned
A step scored 0.1, while two others had 0.9 and 0.8, and there were two places.
It is pruned: no token more is spent on it, even if it was right.

finished
A branch ends in a line "Answer: x = 4".
Its last step is finished, and the solution may vote.

open
Eight steps were just written and wait for the verifier.
Until their scores are there, all eight are open.

rank
Four next steps of one step have scores 0.7, 0.9, 0.2 and 0.4.
The one with 0.7 has rank 2 of 4.

log-probability
The model gave each of three tokens a chance of one half.
Their log-probability is 3 × ln 0.5 = −2.08.

tokens
The step 12-5=7 is written.
It is 6 tokens here: 1, 2, -, 5, =, 7.

exact check
For x²-7x+12=0 a solution goes on from x=5.
The check marks that step: from there nothing right can follow.

answer
Of 16 solutions 9 say 4, and 7 say 5.
By majority the answer is 4.

chain
Attempt 1 says 7, attempt 2 reads it and says 9, attempt 3 says 9.
All three are one chain, and all three count.

voice
A chain has attempts 7 (score 0.2), 9 (0.8) and 9 (0.6).
9 wins the chain by 1.4 to 0.2, and its best attempt, 0.8, votes.

revision
An attempt found x=5 and its check failed.
The next attempt, a revision, tries x=4 with that failure in view.

copies
Sixteen samples were drawn, and five wrote the same first step.
Those five are one node with 5 copies: its answers vote five times.

visits
A tree search tried 40 paths, and 12 went through this step.
It has 12 visits.

value
Below this step the search found scores 0.8, 0.6 and 0.1.
Its value is their mean, 0.5.

place in chain
A chain's four attempts score 0.3, 0.9, 0.5 and 0.4.
The third is 2nd of 4.

rollout
Before scoring a step, the search writes two more lines after it.
The score is read there, and the two lines are thrown away.

agreement
Of 16 solutions, 12 end in 4.
The agreement of 4 is 75 %.

weight
Three solutions say 4, with scores 0.9, 0.8 and 0.1.
The weight of 4 is 1.8.

selector
Nine say 5 with scores near 0.1; four say 4 with scores near 0.9.
Majority takes 5, weighted takes 4.

aggregate
A solution's steps score 0.9, 0.4 and 0.8.
Last says 0.8, min 0.4, product 0.29, mean 0.7.

majority
Sixteen solutions say 4, 4, 5, 4 and so on: ten times 4.
4 wins with ten votes, whatever the scores are.

weighted
4 has scores 0.9 and 0.8; 5 has 0.3, 0.2 and 0.2.
4 wins by 1.7 to 0.7, though fewer said it.

best
4 has scores 0.9 and 0.1; 5 has 0.8 eight times.
Best looks at 0.9 only, and takes 4.

cost
A run wrote 2,000 tokens, and the verifier read 2,100.
Both are counted, each with the size of the model that did it.

tokens written
Sixteen solutions of 130 tokens each were written.
That is 2,080 tokens written, kept or not.

tokens by model
The generator wrote 2,000 tokens, the verifier read 2,050.
Two numbers, because the two models differ in size.

tokens judged
A verifier scores 80 steps of 25 tokens.
It read 2,000 tokens to do so.

FLOP
A model of one million weights writes one token.
That takes about 2 million operations, and a little for attention.

passes
Sixteen solutions of 100 tokens grow side by side.
That is 100 passes, not 1,600: they share each pass.

time
A run took 1.2 s alone and 4 s beside three others.
The tokens were the same: time depends on who else is here.

budget
N = 16 for best-of-N means sixteen whole solutions.
N = 16 for beam search means sixteen steps a round.

temperature
At 0 sixteen tries write the same solution sixteen times.
At 0.8 they differ, so one of them may be right.

width
N = 16 and M = 4: the best 4 steps of a round are kept.
Each is continued in 4 ways, so a round has 16 again.

lookahead
k = 2: each step is tried two steps further before it is scored.
A wrong guess whose check comes two lines later is then caught.

chains
N = 16 as 4 chains of 4.
Four first attempts, each improved three times.

merge
Five of sixteen samples wrote 12-5=7.
One node ×5, and the search keeps other steps beside it.

step end
"try 9 and 20", and in the next line "9*20=180 want 180 off 0 ok".
To the line: two steps, and the first is a guess. To the check: one step.

thought length
L = 512, and a thought whose paragraphs end at 498 and 541 tokens.
It is cut at 541, and writes its answer.

waits
Two waits, and a thought that would end after 80 tokens and again after 130.
Both times it reads "Wait" and goes on; the third time it may end.

interim answer
A thought of 600 tokens, asked every 200.
It answers 12, 15 and 15 on the way: the first would have been wrong.

agreeing
Two have to agree, and the interim answers are 12, 15 and 15.
After the third the thought stops, with 15.

checks
Three checks end with "right" at 90 %, 80 % and 10 %.
The step's score is 60; without checks it would be one guess.

rounds
A limit of 40, and a solution that never ends.
After 40 steps it is stopped, and does not vote.

seed
Run twice with seed 3 and once with seed 4.
The first two trees are equal, the third is another.

same budget
Beam search at N = 16 writes what best-of-N writes at N = 12.
By tokens they are compared as 16 against 12, not 16 against 16.

tokens processed
100 tokens of prompt read, 2,000 written, 2,100 judged.
4,200 tokens processed.

solutions
Sixteen beams were started, and three never reached an answer.
Thirteen solutions vote.

time together
Six strategies ran at once and the last ended after 8 s.
Its time includes the other five on the same cores.

sweep
400 questions, ten strategies, three budgets.
12,000 runs, kept in one table: the curves are drawn from it.

coverage
On 80 of 100 questions at least one of 16 solutions is right.
Coverage at 16 is 80 %, even if the vote picks right on only 70.

held out
The models learnt from other questions of the same 13 kinds.
A held-out question was in none of them.

difficulty
The model solves one question 31 times of 32 and another once.
The first is in the easiest fifth, the second in the hardest.

compute
Two strategies write 2,000 tokens, one with a verifier that reads them.
Equal by tokens written, unequal by FLOP.

bin
The verifier's mean score puts a question among the best-liked fifth.
It stands in bin 1 of 5.

pool
256 solutions of each of 400 questions, with their scores.
Best-of-16 is worked out from it by drawing 16 again and again.

read difficulty
Four solutions are written first, with a mean score of 0.2.
The question is predicted to be hard, and those four were paid for.

budget ratio
The policy reaches 75 % at N = 16, best-of-N needs 32 for it.
The ratio is 2.

regret
The policy took beam with 70 % where revisions had 74 %.
Its regret there is 4 points.

shared budget
100 questions share 800 samples.
Easy ones get 2 each, doubtful ones 20.

marginal gain
One more sample lifts question A from 50 to 58 %, B from 96 to 97 %.
A gets it.

95 % interval
The mean gain is 3 points, and resampled sets give −1 to 7.
Zero is inside: a gain is not shown.

interval level
A finding is tested at 99.8 %, and its bar goes from +1 to +9 points.
Zero is outside even of this strict bar: the gain holds, however many findings are tested.

p-value
A gain of 3 points comes up by luck in 30 of 100 made-up worlds.
p = 0.30: luck is a fine explanation.

corrected p
Among 40 answers one has p = 0.02.
Corrected for having 40 chances, it is no longer below 0.05.

measured on
A finding says 400 questions.
Each counts once, with all that was run on it.

calibration
Of 100 solutions scored near 0.7, 68 are right.
There the score can be read as a chance.

Brier score
A right solution scored 0.8, a wrong one 0.4.
(0.2² + 0.4²) / 2 = 0.10.

base rate
60 % of all solutions are right, and somebody always says 0.6.
That gives 0.24: a verifier must be below it.

ECE
Scores near 0.7 are right in 60 %, scores near 0.2 in 30 %.
Both are off by 0.1, and so is the ECE.

within-problem AUC
Of one question, right solutions score 0.9 and 0.6, wrong ones 0.7 and 0.1.
Three of four pairs stand in the right order: 0.75.

first wrong step
Scores of the steps: 0.9, 0.8, 0.2, 0.1, with the threshold 0.5.
The verifier names step 3.

place found
In 100 wrong solutions it names the very step 62 times.
Place found: 62 %.

none seen
Of 100 flawless solutions it finds fault with 8.
None seen: 92 %.

F1 of both
Place found 60 %, none seen 90 %.
2 × 0.6 × 0.9 / 1.5 = 72 %.

PRM and ORM
Step 2 of 5 is wrong.
A PRM can say so at step 2, an ORM only at the end.

over-optimisation
Of 16 tries the best-liked is right in 80 %, of 256 in 70 %.
Among 256 there is nearly always one that is wrong and liked.

generator
Asked 3x+5=20, it writes 20-5=15, then 15/3=5.
It is the only one that writes.

verifier
It reads 20-5=25 and gives 0.03.
It writes nothing; it only says how good that looks.

reviser
It reads the attempt "x=4 … off 3 no".
It writes another: "x=5 … off 0 ok".

parameters
0.9 million here, 7,000 million in a small chat model.
Same search, other model.

memory need
7,000 million weights of 2 bytes.
14 GB before the first token.

room
With 4 GB left, 60 solutions fit at once.
A budget of 64 is then done in two batches.

first try
One sample on each of 400 questions, 205 right.
First try: 51 %.

multiplier
A model 14 times larger answers once.
The small one may try about 14 times, and more where training counts.

ratio
Pretrained on 1,000 tokens, asked for 160 in its life.
R = 0.16.

paper ratios
R = 22: a model in daily use by many.
There the larger model was worth its training on hard questions.

small model
m = 14.
It may write 14 solutions and choose.

larger model
It writes one solution, always the likeliest token.
No sampling, no verifier.

larger by
0.9 million against 12.6 million weights.
M = 14.

thinking by
Best-of-N draws m solutions for every question.
The policy may take beam for one and revisions for another.

verifier cost
A verifier as large as the generator reads all that is written.
Of a budget of 14, about half goes to it.

break-even
The small model costs 25 kJ to train and 2 J a question, the larger 337 kJ and 1 J.
The break-even is after 312,000 questions.

energy estimate
10 GFLOP on a core that does 20 GFLOP a second at 30 W.
Half a second, 15 J.

queries
Training took 100 kJ, and the model answers 100,000 questions.
Each carries 1 J of it.
"""

EXAMPLES: dict[str, str] = {
    name: "\n".join(lines)
    for name, *lines in (entry.split("\n") for entry in _TWO_LINES.strip().split("\n\n"))
}
"""Term of ``glossary.TERMS`` -> its example, two lines."""


def glossary_markdown() -> str:
    """The terms on screen, their meanings and examples, as Markdown."""
    entries = (
        f"**{name}**: {TERMS[name]}\n"
        + "".join(f"> {line}  \n" for line in EXAMPLES[name].split("\n"))
        for name in sorted(TERMS, key=str.lower)
    )
    return "# Terms on screen\n\nMade by `ui/glossary_examples.py`.\n\n" + "\n".join(entries)


if __name__ == "__main__":
    print(glossary_markdown(), end="")
