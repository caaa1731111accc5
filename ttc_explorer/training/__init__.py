"""How the shipped family of models is made, from nothing: tokenizer, base generator, samples,
verifier."""
