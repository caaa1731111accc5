"""The glossary: the terms on screen, each explained in a sentence or two, for those who point at
them."""

from __future__ import annotations

from ttc_explorer.search.selector import SELECTORS

TERMS: dict[str, str] = {
    # what a step is worth
    "score": "The verifier's estimate, from 0 to 1, that a solution going on from here ends "
    "right. The tree "
    "shows hundredths. It can be wrong: the verifier never sees the right answer.",
    "kept": "Continued: among the best of its round.",
    "pruned": "Given up: others of its round scored better. Nothing more was spent on it.",
    "finished": "The last step of a whole solution.",
    "open": "Not yet judged against the other steps of its round.",
    "rank": "Place by score among the steps that continue the same parent.",
    "log-probability": "How likely the model found its own words: the natural logarithm, summed "
    "over the "
    "tokens of the step. 0 is certain; the more negative, the more surprising.",
    "tokens": "Pieces of text in this step, digits one by one.",
    "exact check": "We can solve problems of this kind exactly, so we know after which step no "
    "right "
    "solution is possible any more. The models do not know; compare it with the verifier's scores.",
    # what the run says
    "answer": "The final answer that the finished solutions choose together, by the rule under "
    "the tree.",
    "chain": "An attempt sees the question and up to four attempts before it, and tries to do "
    "better. Nobody "
    "says which were wrong: it may also spoil a right one. The answer is chosen from all attempts.",
    "voice": "When votes are weighted: the answer with the largest sum of scores wins its chain, "
    "and the "
    "best attempt with it votes for the whole chain. By majority and by best, all attempts count "
    "alike.",
    "revision": "A whole solution, written in one go after seeing the attempts before it.",
    "copies": "How many samples wrote just this step after the same steps. They are one node, "
    "which votes as so many.",
    "visits": "How often the search came by this step.",
    "value": "The mean of the scores that the search found beyond this step, from 0 to 1.",
    "place in chain": "Place by score among the attempts of this chain.",
    "rollout": "Tried out to see where a step leads, then thrown away. It never votes.",
    "agreement": "The share of all finished solutions that end in this answer.",
    "weight": "The scores of all solutions that end in this answer, added up. Of a chain of "
    "revisions only "
    "one counts: the best attempt with the answer that wins the chain.",
    "selector": "How the finished solutions choose the answer. "
    + " ".join(f"{entry.title}: {entry.summary}" for entry in SELECTORS.values())
    + " Switch, and the same solutions are counted anew.",
    "aggregate": "What makes the score of a solution: the score of its last step, the lowest of "
    "all its "
    "steps, their product, or their mean. Switch, and the same solutions are scored anew.",
    "majority": SELECTORS["majority"].summary,
    "weighted": SELECTORS["weighted"].summary,
    "best": "The highest score of a solution with this answer.",
    # what it cost
    "cost": "What the models really processed for this run, counted where the work is done.",
    "tokens written": "Pieces of text that the model wrote, digits one by one, in all attempts "
    "together.",
    "tokens by model": "Generator: pieces of text that it wrote, digits one by one, in all "
    "attempts together. Verifier: pieces of text that it read in order to score the steps.",
    "tokens judged": "Pieces of text that the verifier read in order to score the steps.",
    "FLOP": "Arithmetic operations of both models, for each token: 2 × weights, and 4 × layers × "
    "width × the tokens that it attends to. k thousand, M million, G thousand million.",
    "passes": "Model passes that had to wait for the one before. Attempts side by side share a "
    "pass, so this "
    "is what one waits for, on any hardware.",
    "time": "Seconds on this machine, which may be busy with other people's runs too.",
    # what one can set
    "budget": "How many solutions (or beams) the strategy may spend on the problem. More costs "
    "more.",
    "temperature": "How adventurously the model writes. 0 always takes the likeliest token; "
    "higher takes "
    "unlikely ones more often.",
    "width": "M: of a round, the best N/M steps are kept, and M continuations of each are tried. "
    "√N makes M "
    "the square root of the budget.",
    "lookahead": "k: how many steps further each step is tried out before it is scored. The tries "
    "cost as "
    "much as real steps and are thrown away.",
    "chains": "One chain of N attempts, each seeing those before it (sequential), or N attempts "
    "that know "
    "nothing of each other (parallel), or anything between: chains × attempts = N.",
    "merge": "Attempts that wrote the same step are one node, which keeps their number; searches "
    "then keep different steps, and share their places by it. Apart, all that is kept may be "
    "copies of one text.",
    "step end": "As measured best: to its check for beam search, DVTS and MCTS with the built-in "
    "models, else a line. A step is what the verifier scores and a search keeps or drops. A line "
    "may be a mere guess, which nobody can judge yet; to its check, guess and check are one step. "
    "A text without checks is then one step to its end. At K tokens a step goes on to the end of "
    "its line; a pattern (pattern:^So) ends it at the line in which it is found.",
    "thought length": "L: a thought is cut at the first step end from so many tokens on, and made "
    "to answer. Of a model that marks no thoughts, the solution itself is the thought.",
    "waits": 'How often a thought that would end is made to go on, by the word "Wait" in the place '
    "of its end; never beyond L.",
    "interim answer": "What a thought answers when it is asked before its end, every so many "
    "tokens; 0 never asks. The thought does not see it, and it is paid for.",
    "agreeing": "How many interim answers in a row have to be equal for a thought to stop early.",
    "checks": "How often a chat model that judges checks each step in words, before it says how "
    "likely the solution so far is right; the chances are averaged. 0: it says so at once. What it "
    "writes is paid for.",
    "rounds": "The most steps that a solution may have.",
    "seed": "Where the random choices start. The same seed and settings grow the same tree again.",
    # what stands side by side
    "same budget": "Samples: every strategy gets the same N. Tokens: every strategy gets the "
    "largest N whose "
    "whole run stays within the budget, one more would go over. So none can win by simply "
    "computing more.",
    "tokens processed": "All tokens that a model processed: written, read in a prompt, or judged. "
    "The bar "
    "shows them against the budget, or against the largest number here.",
    "solutions": "Finished solutions: only these vote.",
    "time together": "Seconds from start to end, while the others ran on the same machine.",
    # curves
    "sweep": "Which model was swept: every strategy run on the same test problems, at several "
    "budgets.",
    "coverage": "The chance that at least one of N solutions is right: the most that any way of "
    "choosing "
    "could reach. No strategy; it needs the right answers.",
    "held out": "Test problems of our families, none of which the models were trained on.",
    "difficulty": "Fifths of the questions, from easy to hard for this model. Oracle: by how "
    "often it is "
    "right, measured. Predicted: by its verifier's mean score, no right answers needed. Absolute: "
    "by fixed "
    "limits.",
    "compute": "What a point costs a question, on average. N: samples. Written: tokens of the "
    "model. Tokens: those, the prompts, and what the verifier reads. FLOP: arithmetic of both "
    "models. Passes: what one waits for on any hardware. The verifier counts only where its scores "
    "are read. Time: seconds on the machine of the sweep, where questions share "
    "batches.",
    "bin": "Fifths of the test questions by the verifier's mean score, 1 the easiest. A question "
    "is placed where the measured questions of its kind are on average, whatever strategy ran.",
    "pool": "A file of sampled solutions of any model (Parquet, JSON, CSV), one a row: question, "
    "answer, correct or reference, and score if a verifier gave one. Scores below 0 or above 1 are "
    "mapped before they weigh votes: logits by the logistic function, others by the softmax within "
    "their question. It stays in your session.",
    # policy
    "read difficulty": "How a question gets into its bin. Predicted: by the verifier's mean score "
    "of a few "
    "samples, no right answers needed. Probe paid: the same, and those samples count as compute. "
    "Measured: "
    "by how often the model is right, which nobody knows beforehand.",
    "budget ratio": "How many times more compute best-of-N needs for the accuracy that the policy "
    "reaches at "
    "N. In brackets, where 95 % of resampled sets of questions put it; never: best-of-N did not "
    "get there.",
    "regret": "Accuracy that the choice loses, in points, against the arm that proves best in "
    "each bin: "
    "known only in hindsight, which is lucky too, so this is an upper bound.",
    "shared budget": "The mean: a batch of questions may spend so many samples each, all "
    "together, and gives "
    "them where they are predicted to help most.",
    "marginal gain": "The next sample goes to the question whose chance of success it is "
    "predicted to raise "
    "most, by the curve of its bin on other questions. Sure and hopeless questions get few.",
    # findings
    "95 % interval": "The figure of our own models, and where it lies in most of the sets of "
    "questions that "
    "we drew anew from ours. Bins and choices are made anew in each.",
    "interval level": "The share of redrawn sets of questions that the interval holds. It is the "
    "level at which this finding is tested among all of them, so that the bar and the verdict "
    "never "
    "disagree.",
    "p-value": "How often such a figure, or a clearer one, would come up by luck if the finding "
    "were neither "
    "true nor false. Small means that luck is a bad explanation.",
    "corrected p": "The same, made stricter because all findings are tested together (Holm's "
    "method). Below "
    "0.05 the claim holds, or does not if the figure lies on the wrong side.",
    "measured on": "Test questions that this figure rests on; the models were not trained on them.",
    # verifier
    "calibration": "Sort solutions by their score: of those scored 0.7, do seven in ten turn out "
    "right? Then "
    "a score can be read as a chance.",
    "Brier score": "The mean squared distance between score and truth (1 right, 0 wrong). 0 is "
    "perfect.",
    "base rate": "What the Brier score would be of somebody who always says the overall share of "
    "right ones.",
    "ECE": "Expected calibration error: how far, on average, a score is from the share that is "
    "really right.",
    "within-problem "
    "AUC": "The chance that a right solution scores above a wrong one of the same question. "
    "Comparing different questions would reward knowing which are easy.",
    "first wrong "
    "step": "The verifier says that the first step it scores below a threshold is wrong. The "
    "threshold is chosen on one half of the questions and tried on the other.",
    "place found": "The share of solutions with a wrong step in which exactly that step is named.",
    "none seen": "The share of flawless solutions in which no step is called wrong.",
    "F1 of both": "The harmonic mean of the two, as the benchmark ProcessBench has it.",
    "PRM and ORM": "A process reward model is trained to judge every step, an outcome reward "
    "model only "
    "whole solutions.",
    "over-optimisation": "Search for what a verifier likes, and in the end you find what it likes "
    "wrongly: "
    "scores rise, answers do not.",
    # models
    "generator": "The model that writes solutions.",
    "verifier": "The model that reads solutions and says how likely they end right. Searches "
    "follow it.",
    "reviser": "The model that reads earlier attempts and writes a better one.",
    "parameters": "Numbers that the models learned, both together. More usually means better and "
    "slower.",
    "memory need": "What the weights of both models take here. Each solution in memory takes a "
    "little more.",
    "room": "Solutions of 2,048 tokens that fit into memory beside the weights. Larger batches "
    "are cut.",
    "first try": "The share of our test problems that one sample of the generator gets right, "
    "measured.",
    # exchange
    "multiplier": "For equal total FLOPs, pretraining and inference: a model M times larger costs "
    "M times as "
    "much of both. The small one may put all it saves into inference, m times what it would need; "
    "a verifier of v times its size reads along, so that each sample costs 1 + v times as much.",
    "ratio": "R: tokens that a model writes in its whole life over tokens that it was pretrained "
    "on. Small: "
    "a model that is seldom asked. Large: one in daily use by many.",
    "paper ratios": "R of the paper's three settings: 0.16, 0.79 and 22. There, thinking won on "
    "easy and "
    "medium questions at small R, and the larger model on hard ones and at large R.",
    "small model": "It may spend m times its tokens, for instance on N = m solutions.",
    "larger model": "It answers once, taking the likeliest token at every place.",
    "larger by": "M: parameters of the larger model over those of the small one.",
    "thinking by": "Policy: what is best for each difficulty and budget, chosen on other "
    "questions than it "
    "is measured on. Best-of-N: samples, and a weighted vote.",
    "verifier cost": "Counted: the verifier reads every token that the small model writes, and "
    "that costs as "
    "many FLOPs as its size says. The larger model's one answer needs none.",
    "break-even": "The number of questions after which the small model that thinks has cost as "
    "much energy "
    "as the larger one: it is cheaper to train, and dearer to ask. How often each is right stands "
    "beside it.",
    "energy estimate": "FLOPs times what the device draws at the share of its peak that is "
    "assumed. Nothing "
    "was measured at a socket; idle time, memory and cooling are left out.",
    "queries": "How many questions the models answer in their life. Their training is spread over "
    "these.",
}
"""Term -> what it means."""
