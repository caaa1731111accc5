"""Other engines and libraries, beside which the benchmark measures ours."""
