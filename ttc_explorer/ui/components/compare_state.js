// The state of the address that the controls of Compare say.
({ strategies, ...values }) => ({ ...values, strategies: JSON.parse(strategies).chosen })
