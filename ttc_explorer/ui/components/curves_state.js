// The state of the address that the controls of Curves say; NAMES, what the address calls a curve by its key, stands before.
({ curves, ...values }) => ({ ...values, curves: JSON.parse(curves).chosen.map((key) => (NAMES)[key]) })
