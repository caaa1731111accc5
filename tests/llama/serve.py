"""llama.cpp's server of a GGUF file on loopback, in the environment that has it:
``python serve.py FILE PORT``."""

import sys
import time

import xllamacpp

SLOTS, CONTEXT = 4, 2048
"""Rows that are written at once, and the longest of them in tokens."""

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.n_parallel, parameters.n_ctx = SLOTS, SLOTS * CONTEXT
parameters.cpuparams.n_threads = 1  # a second one waits for the first where others compute, too
parameters.endpoint_props = True
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
while True:
    time.sleep(3600)
