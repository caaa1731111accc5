// The state of the address that the controls of Exchange say: R itself, which the slider has as a power of ten.
({ ratio, ...values }) => ({ ...values, ratio: Number((10 ** ratio).toPrecision(3)) })
