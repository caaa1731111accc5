// The state of the address that the controls of Policy say.
({ samples, ...values }) => ({ ...values, samples: String(samples) })
