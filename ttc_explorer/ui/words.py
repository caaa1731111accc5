"""The words on screen, each explained in a sentence or two, for those who point at them."""

from __future__ import annotations

TERMS: dict[str, str] = {
    # what a step is worth
    "score": "The verifier's estimate, from 0 to 1, that a solution going on from here ends right. The tree "
    "shows hundredths. It can be wrong: the verifier never sees the right answer.",
    "kept": "Continued: among the best of its round.",
    "pruned": "Given up: others of its round scored better. Nothing more was spent on it.",
    "finished": "The last step of a whole solution.",
    "open": "Not yet judged against the other steps of its round.",
    "rank": "Place by score among the steps that continue the same parent.",
    "log-probability": "How likely the model found its own words: the natural logarithm, summed over the "
    "tokens of the step. 0 is certain; the more negative, the more surprising.",
    "tokens": "Pieces of text in this step, digits one by one.",
    "exact check": "We can solve problems of this kind exactly, so we know after which step no right "
    "solution is possible any more. The models do not know; compare it with the verifier's scores.",
    # what the run says
    "answer": "The final answer that the finished solutions choose together, by the rule under the tree.",
    "chain": "An attempt sees the question and up to four attempts before it, and tries to do better. Nobody "
    "says which were wrong: it may also spoil a right one. The answer is chosen from all attempts.",
    "voice": "When votes are weighted: the answer with the largest sum of scores wins its chain, and the "
    "best attempt with it votes for the whole chain. By majority and by best, all attempts count alike.",
    "revision": "A whole solution, written in one go after seeing the attempts before it.",
    "visits": "How often the search came by this step.",
    "value": "The mean of the scores that the search found beyond this step, from 0 to 1.",
    "place in chain": "Place by score among the attempts of this chain.",
    "rollout": "Tried out to see where a step leads, then thrown away. It never votes.",
    "agreement": "The share of all finished solutions that end in this answer.",
    "weight": "The scores of all solutions that end in this answer, added up. Of a chain of revisions only "
    "one counts: the best attempt with the answer that wins the chain.",
    "selector": "How the finished solutions choose the answer. Majority: one vote each. Best: the highest "
    "score wins alone. Weighted: votes weighted by score. Switch, and the same solutions are counted anew.",
    "aggregate": "What makes the score of a solution: the score of its last step, the lowest of all its "
    "steps, their product, or their mean. Switch, and the same solutions are scored anew.",
    "majority": "Every finished solution has one vote. Needs no verifier.",
    "weighted": "Every finished solution votes with its score as its weight; equal answers add up.",
    "best": "The highest score of a solution with this answer.",
    # what it cost
    "cost": "What the models really processed for this run, counted where the work is done.",
    "tokens written": "Pieces of text that the model wrote, digits one by one, in all attempts together.",
    "tokens judged": "Pieces of text that the verifier read in order to score the steps.",
    "FLOP": "Arithmetic operations of both models: 2 × weights × tokens processed. k thousand, M million, "
    "G thousand million.",
    "passes": "Model passes that had to wait for the one before. Attempts side by side share a pass, so this "
    "is what one waits for, on any hardware.",
    "time": "Seconds on this machine, which may be busy with other people's runs too.",
    # what one can set
    "budget": "How many solutions (or beams) the strategy may spend on the problem. More costs more.",
    "temperature": "How adventurously the model writes. 0 always takes the likeliest token; higher takes "
    "unlikely ones more often.",
    "width": "M: of a round, the best N/M steps are kept, and M continuations of each are tried. √N makes M "
    "the square root of the budget.",
    "lookahead": "k: how many steps further each step is tried out before it is scored. The tries cost as "
    "much as real steps and are thrown away.",
    "chains": "One chain of N attempts, each seeing those before it (sequential), or N attempts that know "
    "nothing of each other (parallel), or anything between: chains × attempts = N.",
    "rounds": "The most steps that a solution may have.",
    "seed": "Where the random choices start. The same seed and settings grow the same tree again.",
    # what stands side by side
    "same budget": "Samples: every strategy gets the same N. Tokens: every strategy gets the largest N whose "
    "whole run stays within the budget, one more would go over. So none can win by simply computing more.",
    "tokens processed": "All tokens that a model processed: written, read in a prompt, or judged. The bar "
    "shows them against the budget, or against the largest number here.",
    "solutions": "Finished solutions: only these vote.",
    "time together": "Seconds from start to end, while the others ran on the same machine.",
}
"""Term -> what it means."""
